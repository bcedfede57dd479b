"""Heartbeats in Redis: which queues have a worker that consumes, and whether a beat runs.

They expire by themselves, so that neither a stopped process nor a clock that is set leaves a wrong answer.
"""

from __future__ import annotations

from typing import cast

from core.beat_lease import KEY
from core.redis import redis

INTERVAL = 4  # seconds between two heartbeats of a queue
EXPIRES = 30  # seconds


def report_worker(queue: str) -> None:
    redis().set(_worker(queue), 1, ex=EXPIRES)


def has_worker(queue: str) -> bool:
    return bool(redis().exists(_worker(queue)))


def worker_silence(queue: str) -> float | None:
    """Seconds since a worker last took a task from the queue. None if that was more than `EXPIRES` ago."""
    left = cast(int, redis().pttl(_worker(queue)))  # by Redis's clock
    return EXPIRES - left / 1000 if left > 0 else None


def _worker(queue: str) -> str:
    return f"redheart:worker:{queue}"


def beat_problem() -> str:
    """What is wrong with beat; empty if one works. Others may stand by, see `core/beat_lease.py`."""
    return "" if redis().exists(KEY) else "no beat runs"
