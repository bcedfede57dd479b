"""The heartbeat of a queue, which shows that a worker takes tasks from it, and the end of old sessions."""

from __future__ import annotations

from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone

from core import heartbeats
from core.deletion import delete_in_steps


@shared_task
def report_alive(queue: str) -> None:
    heartbeats.report_worker(queue)


@shared_task
def delete_expired_sessions() -> None:
    """Beat, once a day."""
    delete_in_steps(Session.objects.filter(expire_date__lt=timezone.now()))
