"""The heartbeat of a queue: the task shows that a worker takes tasks from it."""

from __future__ import annotations

from celery import shared_task

from core import heartbeats


@shared_task
def report_alive(queue: str) -> None:
    heartbeats.report_worker(queue)
