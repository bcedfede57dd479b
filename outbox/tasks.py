from __future__ import annotations

import logging
from collections.abc import Iterable

from celery import shared_task
from django.utils import timezone

from core import correlation
from core.enqueue import depth
from outbox import sending
from outbox.models import OutboxMessage
from outbox.transports import transports

BATCH = 100  # messages that one run of beat enqueues
log = logging.getLogger(__name__)


@shared_task
def send_message(pk: int) -> None:
    sending.send(pk)


@shared_task
def send_pending() -> None:
    """Beat: ends the attempts of dead workers, and enqueues the due messages whose task is missing."""
    OutboxMessage.mend_after_clock_step()
    sending.settle_lost_attempts()
    for queue, names in queues().items():
        enqueue(OutboxMessage.due_not_enqueued(may_be_lost=depth(queue) == 0).filter(transport__in=names)[:BATCH])


def queues() -> dict[str, list[str]]:
    """The names of the transports that use each queue."""
    found: dict[str, list[str]] = {}
    for transport in transports.values():
        found.setdefault(transport.queue, []).append(transport.name)
    return found


def enqueue(messages: Iterable[OutboxMessage]) -> bool:
    """Enqueues a task for each message that is due. Call it after the commit. Never raises: False means that the
    broker did not answer, and beat enqueues the rest later."""
    now = timezone.now()
    try:
        for message in messages:
            if message.next_at <= now and not message.on_hold:
                queue = transports[message.transport].queue
                with correlation.bound(message.correlation_id):
                    send_message.apply_async([message.pk], priority=message.priority, queue=queue)
                    log.info("message %d enqueued, to be sent by %s", message.pk, message.transport)
                message.mark_enqueued()
    except Exception as error:
        log.warning("could not enqueue messages; beat will do it: %r", error)
        return False
    return True
