"""The heartbeat of a queue, which shows that a worker takes tasks from it; the end of old sessions; daily backups."""

from __future__ import annotations

import logging

from celery import Task, shared_task
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from core import heartbeats
from core.data_care import backup
from core.deletion import delete_in_steps
from core.one_at_a_time import one_at_a_time
from core.redis import redis

BACKUP_LIMIT = 3600  # seconds
log = logging.getLogger(__name__)


@shared_task
def report_alive(queue: str) -> None:
    heartbeats.report_worker(queue)


@shared_task
def delete_expired_sessions() -> None:
    """Beat, once a day."""
    delete_in_steps(Session.objects.filter(expire_date__lt=timezone.now()))


@shared_task(bind=True, soft_time_limit=BACKUP_LIMIT, time_limit=BACKUP_LIMIT + 60)
def back_up(self: Task) -> None:
    """Beat, once a day, unless BACKUPS_KEPT is 0."""
    if not settings.BACKUPS_KEPT:
        return
    with one_at_a_time(redis(), "backup", self, seconds=BACKUP_LIMIT + 60) as acquired:
        if acquired:
            try:
                backup.create_and_report()
            except Exception as error:
                log.error("no backup today: %s", error)
