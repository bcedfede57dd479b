from __future__ import annotations

import logging
from collections.abc import Iterable

from celery import shared_task
from django.utils import timezone

from outbox import sending
from outbox.models import OutboxMessage

BATCH = 100  # messages that one run of beat enqueues
log = logging.getLogger(__name__)


@shared_task
def send_message(pk: int) -> None:
    sending.send(pk)


@shared_task
def send_pending() -> None:
    """Beat: ends the attempts of dead workers, and enqueues the due messages that were not enqueued lately."""
    sending.settle_lost_attempts()
    enqueue(OutboxMessage.due_not_enqueued()[:BATCH])


def enqueue(messages: Iterable[OutboxMessage]) -> bool:
    """Enqueues a task for each message that is due. Call it after the commit. Never raises: False means that the
    broker did not answer, and beat enqueues the rest later."""
    now = timezone.now()
    try:
        for message in messages:
            if message.next_at <= now and not message.on_hold:
                send_message.apply_async([message.pk], priority=message.priority)
                message.mark_enqueued()
    except Exception as error:
        log.warning("could not enqueue messages; beat will do it: %r", error)
        return False
    return True
