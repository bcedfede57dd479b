"""The synchronous Redis client, for flags, locks and heartbeats. Callers must handle ``redis.RedisError``."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


@cache
def redis() -> Redis:
    """The client of this process, with a connection pool. Each call returns or raises within about a second."""
    return Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.4, socket_connect_timeout=0.4, retry=Retry(NoBackoff(), 1)
    )
