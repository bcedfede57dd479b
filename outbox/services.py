"""Operations on outgoing messages of any app."""

from __future__ import annotations

from django.db import transaction

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
