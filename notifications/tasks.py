from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from core.deletion import delete_in_steps
from core.enqueue import enqueue_once, mark_started
from notifications.digest import mail as digest
from notifications.digest import schedule
from notifications.models import Delivery, Destination, Notification
from notifications.sending.fan_out import write_deliveries
from outbox.outcome import PENDING, Status
from outbox.tasks import enqueue

MAX_DIGESTS = 1000  # that beat enqueues at once


@shared_task
def fan_out() -> None:
    """Writes the deliveries of new notifications. The task may be lost or run twice, even at once."""
    mark_started(fan_out)
    batch = write_deliveries()
    enqueue(batch.deliveries)
    if batch.is_full:
        enqueue_fan_out()


def enqueue_fan_out() -> None:
    enqueue_once(fan_out, priority=1)


@shared_task
def send_digests() -> None:
    """Beat: enqueues a task for each account whose digest period has ended."""
    for pk in schedule.due(timezone.now()).values_list("pk", flat=True)[:MAX_DIGESTS]:
        send_digest.apply_async([pk], priority=digest.PRIORITY, expires=60)


@shared_task
def send_digest(pk: int) -> None:
    """Ends a digest period that is due, and sends its email. The task may be lost or run twice, even at once."""
    now = timezone.now()
    for user_settings in schedule.due(now).filter(pk=pk).select_related("user"):
        end = schedule.last_end(user_settings, now - schedule.COMMIT_TIME)
        if delivery := digest.end_period(user_settings, end):
            enqueue([delivery])


@shared_task
def probe_destinations() -> None:
    """Beat: tries one message of each destination that is paused for its failures, at most once in `PROBE_EVERY`."""
    for destination in Destination.objects.filter(probe_at__lte=timezone.now()):
        destination.probe()


@shared_task
def delete_old_deliveries() -> None:
    """Beat, once a day: deletes what is older than KEEP_DELIVERIES_DAYS and has ended or is on hold."""
    old = (
        Delivery.objects.filter(created_at__lt=timezone.now() - timedelta(days=settings.KEEP_DELIVERIES_DAYS))
        .exclude(status=Status.SENDING)
        .exclude(status__in=PENDING, on_hold=False)
    )
    delete_in_steps(old)


@shared_task
def delete_old_notifications() -> None:
    """Beat, once a day: if KEEP_NOTIFICATIONS_DAYS is set, deletes what was read, archived or taken back and has not
    changed since then. None of it is counted by a bell."""
    if settings.KEEP_NOTIFICATIONS_DAYS:
        before = timezone.now() - timedelta(days=settings.KEEP_NOTIFICATIONS_DAYS)
        old = Notification.objects.filter(changed_at__lt=before, fan_out_pending=False)
        done = Q(read_at__isnull=False) | Q(archived_at__isnull=False)
        delete_in_steps(old.filter(Q(count__lte=0) | done & Q(unseen=False)))
