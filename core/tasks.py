"""Proof that each queue has a worker that takes tasks from it."""

from __future__ import annotations

import time

from celery import shared_task

from core.redis import redis

ALIVE = 45  # seconds without a report until a queue counts as unattended


@shared_task
def report_alive(queue: str) -> None:
    redis().set(f"redheart:worker:{queue}", time.time(), ex=ALIVE)


def has_worker(queue: str) -> bool:
    return bool(redis().exists(f"redheart:worker:{queue}"))
