"""Sends one message: check, claim, attempt, settle."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from core import correlation
from outbox.models import GRACE, OutboxMessage
from outbox.outcome import LOST_AFTER, LOST_BEFORE, LeaseLost, Outcome, Status
from outbox.transports import handlers, transports, without_secrets

log = logging.getLogger(__name__)


def send(pk: int) -> None:
    """Sends a message if it is due. Safe if its task is delivered twice or runs twice at once."""
    for message in typed(OutboxMessage.due().filter(pk=pk).values_list("pk", flat=True)):
        with correlation.bound(message.correlation_id):
            _send(message)


def _send(message: OutboxMessage) -> None:
    handler = handlers[type(message)]
    if not handler.is_ready(message) or not _claim(message):
        return
    log.info("message %d: attempt %d, by %s", message.pk, message.attempt_count, message.transport)
    handler.broadcast(message)
    outcome = _attempt(message)
    if outcome:
        _settle(message, outcome)
        handler.broadcast(message)


def settle_lost_attempts() -> None:
    """Ends the attempts whose worker is dead: their lease has expired."""
    expired = OutboxMessage.objects.filter(status=Status.SENDING, lease_until__lt=timezone.now() - GRACE)
    for message in typed(expired.values_list("pk", flat=True)):
        status, reason = (Status.UNKNOWN, LOST_AFTER) if message.handed_over_at else (Status.RETRYING, LOST_BEFORE)
        with correlation.bound(message.correlation_id):
            if _settle(message, Outcome(status, reason, worker_lost=True)):
                handlers[type(message)].broadcast(message)


def typed(pks: Iterable[int]) -> list[OutboxMessage]:
    """These messages as instances of the models of their apps."""
    pks = list(pks)
    return [
        message
        for model, handler in (handlers.items() if pks else ())
        for message in model.objects.filter(pk__in=pks).select_related(*handler.related)
    ]


@transaction.atomic
def _claim(message: OutboxMessage) -> bool:
    claimed = message.claim()
    if claimed:
        handlers[type(message)].changed(message)
    return claimed


def _attempt(message: OutboxMessage) -> Outcome | None:
    """Returns None if another worker may have the message by now."""
    try:
        return transports[message.transport].send(message)
    except LeaseLost:
        log.warning("message %d: the lease expired before it was sent", message.pk)
        return None
    except Exception as error:
        log.warning("message %d failed: %s", message.pk, type(error).__name__)  # str(error) may hold a secret
        status = Status.UNKNOWN if message.handed_over_at else Status.RETRYING
        return Outcome(status, f"{type(error).__name__}: {error}"[:500])


@transaction.atomic
def _settle(message: OutboxMessage, outcome: Outcome) -> bool:
    """Returns False, and changes nothing, if another attempt or outcome replaces this one."""
    outcome = without_secrets(outcome, transports[message.transport].secrets(message))
    if not message.settle(outcome):
        return False
    log.info("message %d: %s", message.pk, message.status)  # without the response, which may quote an address
    handlers[type(message)].changed(message)
    handlers[type(message)].settled(message, outcome)
    return True
