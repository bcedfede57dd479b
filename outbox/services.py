"""Operations on outgoing messages of any app."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from outbox.models import OutboxMessage
from outbox.outcome import PENDING, RESTORED, Status
from outbox.sending import typed
from outbox.tasks import enqueue
from outbox.transports import handlers


def retry(*, pk: int) -> bool:
    """Sends a message now that failed, is unknown or waits for its next attempt. False: there is nothing to retry."""
    for message in typed([pk]):
        handler = handlers[type(message)]
        with transaction.atomic():
            if not message.retry_now():
                return False
            handler.changed(message)
        message.refresh_from_db()
        enqueue([message])
        handler.broadcast(message)
        return True
    return False


def mark_unknown(**_: object) -> None:
    """Receiver of ``restored``: what was pending when the backup was made may have been sent since, and is never sent
    twice automatically."""
    pending = OutboxMessage.objects.filter(status__in=[*PENDING, Status.SENDING])
    pks = list(pending.values_list("pk", flat=True))
    values = {"response": RESTORED, "ended_at": timezone.now(), "enqueued_at": None, "lease_until": None}
    pending.update(status=Status.UNKNOWN, **values)
    for message in typed(pks):
        handlers[type(message)].changed(message)
