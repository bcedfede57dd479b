"""Counts what happens: in memory at once, and every few seconds in Redis, which adds up the counts of all processes on
all machines (`core/processes.py`). A process that is killed loses what it has counted since.

Redis has the totals, and what was counted in each minute of the last two hours. Times are counted in buckets.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from math import inf
from threading import Lock
from typing import Any, cast

from core.redis import redis

# The upper bounds of the buckets, in seconds.
BUCKETS = (
    *(0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 60.0, inf),
)
TOTALS = "redheart:metrics"
KEPT = 2 * 3600  # seconds
MINUTES = 60  # in the charts
Counts = dict[str, int]

lock, pending = Lock(), Counter[str]()


def count(name: str, number: int = 1) -> None:
    with lock:
        pending[name] += number


def observe(name: str, seconds: Iterable[float]) -> None:
    """Counts durations: each in its bucket, and their sum in microseconds."""
    times = [*seconds]
    with lock:
        for each in times:
            pending[f"{name}:{BUCKETS[bisect_left(BUCKETS, each)]}"] += 1
        pending[f"{name}:sum"] += round(sum(times) * 1e6)


def write(pipeline: Any) -> Counts:
    """Adds what was counted since the last call to a Redis pipeline, and returns it. If the pipeline fails, give it to
    `restore`."""
    with lock:
        counts = dict(pending)
        pending.clear()
    key = _minute(int(time.time() // 60))
    for name, number in counts.items():
        pipeline.hincrby(TOTALS, name, number)
        pipeline.hincrby(key, name, number)
    if counts:
        pipeline.expire(key, KEPT)
    return counts


def restore(counts: Counts) -> None:
    with lock:
        pending.update(counts)


def record_highest(values: Mapping[str, int]) -> None:
    """Keeps the highest value of this minute under each name. One process calls it: beat."""
    key = _minute(int(time.time() // 60))
    known = cast(list[bytes | None], redis().hmget(key, [*values]))
    highest = {name: max(value, int(old or 0)) for (name, value), old in zip(values.items(), known, strict=True)}
    pipeline = redis().pipeline()
    pipeline.hset(key, mapping=cast(Any, highest))
    pipeline.expire(key, KEPT)
    pipeline.execute()


def totals() -> Counts:
    """Raises `RedisError`, as all that reads."""
    return _decode(cast(dict[bytes, bytes], redis().hgetall(TOTALS)))


def last_hour() -> list[Counts]:
    """What was counted in each of the last 60 minutes, the current one last."""
    now = int(time.time() // 60)
    pipeline = redis().pipeline(transaction=False)
    for minute in range(now - MINUTES + 1, now + 1):
        pipeline.hgetall(_minute(minute))
    return [_decode(found) for found in pipeline.execute()]


def buckets(counts: Counts, name: str) -> list[int]:
    """How many durations are in each bucket."""
    return [counts.get(f"{name}:{bound}", 0) for bound in BUCKETS]


def percentile(counts: Counts, name: str, share: float) -> float | None:
    """Seconds below which this share of the durations lies, interpolated inside its bucket. None if there are none."""
    numbers = buckets(counts, name)
    left = share * sum(numbers)
    lower = 0.0
    for bound, number in zip(BUCKETS, numbers, strict=True):
        if number and left <= number:
            return lower if bound == inf else lower + (bound - lower) * left / number
        left, lower = left - number, bound
    return None


def _minute(number: int) -> str:
    return f"{TOTALS}:{number}"


def _decode(found: Mapping[bytes, bytes]) -> Counts:
    return {name.decode(): int(value) for name, value in found.items()}


def _forked() -> None:
    """What the parent has counted is its own affair, and its lock may be held for ever here."""
    global lock
    lock = Lock()
    pending.clear()


os.register_at_fork(after_in_child=_forked)
