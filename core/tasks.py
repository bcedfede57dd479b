"""A heartbeat of each queue: shows whether a worker takes tasks from it."""

from __future__ import annotations

import time

from celery import shared_task

from core.redis import redis

HEARTBEAT_EXPIRES = 45  # seconds; then the queue counts as one without a worker


@shared_task
def report_alive(queue: str) -> None:
    redis().set(f"redheart:worker:{queue}", time.time(), ex=HEARTBEAT_EXPIRES)


def has_worker(queue: str) -> bool:
    return bool(redis().exists(f"redheart:worker:{queue}"))
