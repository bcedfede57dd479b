"""The one synchronous Redis client: flags, locks and heartbeats. Its callers must work without Redis."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


@cache
def redis() -> Redis:
    """A pooled client that answers or raises ``redis.RedisError`` within about a second."""
    return Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.4, socket_connect_timeout=0.4, retry=Retry(NoBackoff(), 1)
    )
