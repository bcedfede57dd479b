from __future__ import annotations

from celery import shared_task

from live.broadcast import broadcast
from monitor.lessons import sync_times
from monitor.topics import sync_event


@shared_task
def send_slowly(run_id: str, to: str) -> None:
    """The email of the lesson "In the request or in a worker"."""
    sync_times.send_slowly(to)
    sync_times.record(run_id, "sent")
    broadcast([sync_event(run_id)])
