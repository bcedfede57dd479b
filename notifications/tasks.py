from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from core.enqueue import enqueue_once, mark_started
from notifications.digest import mail as digest
from notifications.digest import schedule
from notifications.sending import fan_out as fan_out_module
from notifications.sending.log import delete_old_deliveries as delete_old
from outbox.tasks import enqueue

DIGESTS = 1000  # people whose digest beat enqueues at once


@shared_task
def fan_out() -> None:
    """Writes new notifications to the destinations of their recipients. It may be lost, run twice or twice at once."""
    mark_started(fan_out)
    batch = fan_out_module.write_deliveries()
    enqueue(batch.deliveries)
    if batch.is_full:
        enqueue_fan_out()


def enqueue_fan_out() -> None:
    enqueue_once(fan_out, priority=1)


@shared_task
def send_digests() -> None:
    """Enqueues the digests of those whose digest period has ended."""
    for pk in schedule.due(timezone.now()).values_list("pk", flat=True)[:DIGESTS]:
        send_digest.apply_async([pk], priority=digest.PRIORITY, expires=60)


@shared_task
def send_digest(pk: int) -> None:
    """Ends a digest period that is due, and sends its email. It may be lost, run twice or twice at once."""
    now = timezone.now()
    user_settings = schedule.due(now).filter(pk=pk).select_related("user").first()
    if user_settings and (
        delivery := digest.close(user_settings, schedule.last_end(user_settings, now - schedule.SETTLED))
    ):
        enqueue([delivery])


@shared_task
def delete_old_deliveries() -> None:
    delete_old()
