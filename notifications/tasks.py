from __future__ import annotations

import time

from celery import shared_task

from notifications.store import redis

ALIVE = 45  # seconds without a sign of life until a queue counts as unattended


@shared_task
def report(queue: str) -> None:
    """Proves that somebody takes tasks from this queue, not merely that a process is up."""
    redis().set(f"redheart:worker:{queue}", time.time(), ex=ALIVE)


def attended(queue: str) -> bool:
    return bool(redis().exists(f"redheart:worker:{queue}"))
