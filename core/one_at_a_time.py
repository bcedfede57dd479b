"""Work that must not run twice at once: a lock in Redis that expires, whose value says who holds it."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from redis.exceptions import LockNotOwnedError

if TYPE_CHECKING:
    from celery import Task
    from redis import Redis

PREFIX = "redheart:lock:"
LOCKS = "redheart:locks"  # the names of all locks, each with the time when it expires


class Holder(NamedTuple):
    lock: str
    host: str
    pid: int
    task: str
    task_id: str
    since: float  # seconds since 1970
    expires_in: float  # seconds


@contextmanager
def one_at_a_time(redis: Redis, name: str, task: Task, *, seconds: float) -> Iterator[bool]:
    """True if ``task`` has got the lock, which it holds until the end of the block, for ``seconds`` at most. False, and
    without waiting, if another holds it. ``redis-cli get redheart:lock:<name>`` shows who."""
    lock = redis.lock(PREFIX + name, timeout=seconds, blocking=False)
    acquired = lock.acquire(token=_value(task))
    if acquired:
        redis.zadd(LOCKS, {name: time.time() + seconds})
    try:
        yield acquired
    finally:
        if acquired:
            with suppress(LockNotOwnedError):  # it has expired
                lock.release()


def _value(task: Task) -> str:
    """Different for each call, so that nobody releases a lock that another has got meanwhile."""
    holder = {"host": socket.gethostname(), "pid": os.getpid(), "task": task.name, "id": task.request.id or ""}
    return json.dumps(holder | {"since": time.time()})


def holders(redis: Redis) -> list[Holder]:
    """Who holds which lock now."""
    redis.zremrangebyscore(LOCKS, 0, time.time() - 60)  # expired; a minute more, because clocks differ
    names = [name.decode() for name in cast(list[bytes], redis.zrange(LOCKS, 0, -1))]
    return [holder for name in names if (holder := _holder(redis, name))]


def _holder(redis: Redis, name: str) -> Holder | None:
    with redis.pipeline() as pipeline:
        pipeline.get(PREFIX + name)
        pipeline.pttl(PREFIX + name)
        value, milliseconds = pipeline.execute()
    if value is None:
        return None
    found: dict[str, Any] = json.loads(value)
    return Holder(name, found["host"], found["pid"], found["task"], found["id"], found["since"], milliseconds / 1000)
