"""Heartbeats in Redis: which queues have a worker that consumes, and whether exactly one beat runs.

They expire by themselves, so that neither a stopped process nor a clock that is set leaves a wrong answer.
"""

from __future__ import annotations

import uuid
from typing import cast

from core.redis import redis

INTERVAL = 4  # seconds between two heartbeats of a queue
EXPIRES = 30  # seconds
BEAT, SECOND_BEAT = "redheart:beat", "redheart:second-beat"


def report_worker(queue: str) -> None:
    redis().set(_worker(queue), 1, ex=EXPIRES)


def has_worker(queue: str) -> bool:
    return bool(redis().exists(_worker(queue)))


def worker_silence(queue: str) -> float | None:
    """Seconds since a worker last took a task from the queue. None if that was more than `EXPIRES` ago."""
    return _silence(_worker(queue))


def beat_silence() -> float | None:
    """The same of beat, which reports itself."""
    return _silence(BEAT)


def _silence(key: str) -> float | None:
    left = cast(int, redis().pttl(key))  # by Redis's clock
    return EXPIRES - left / 1000 if left > 0 else None


def _worker(queue: str) -> str:
    return f"redheart:worker:{queue}"


class BeatHeartbeat:
    """The heartbeat of one beat process. Two that run at once find each other's identity again and again; one that
    replaces another finds the old identity once."""

    def __init__(self) -> None:
        self.identity = uuid.uuid4().hex.encode()
        self.found_other = 0  # times in a row

    def send(self) -> None:
        """Raises `RedisError`."""
        previous = redis().set(BEAT, self.identity, ex=EXPIRES, get=True)
        self.found_other = self.found_other + 1 if previous not in (None, self.identity) else 0
        if self.found_other > 1:
            redis().set(SECOND_BEAT, 1, ex=EXPIRES)


def beat_problem() -> str:
    """What is wrong with beat; empty if exactly one runs."""
    if not redis().exists(BEAT):
        return "no beat runs"
    return "two beats run: stop one" if redis().exists(SECOND_BEAT) else ""
