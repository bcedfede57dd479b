"""Takes one delivery through its transport and stores what came of it."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils import timezone

from live.broadcast import push
from notifications.destinations.topics import destination_events
from notifications.models import Delivery, Destination
from notifications.notify import Entry, notify
from notifications.transports.base import Outcome, hidden, transports
from outbox.models import Status, Taken

log = logging.getLogger(__name__)


def send(pk: int) -> None:
    """Sends a delivery if it is due, is still worth sending and its destination may be written to. It may be lost,
    doubled or run twice at once."""
    waiting = Delivery.due().filter(pk=pk).select_related("destination", "notification").first()
    if not waiting:
        return
    if stale(waiting):
        waiting.give_way()
    elif not waiting.destination.take_turn(transports[waiting.destination.transport].gap):
        waiting.destination.refresh_from_db()
        waiting.postpone(waiting.destination.next_at)
    elif delivery := Delivery.claim(pk):
        settle(delivery, attempt(delivery))
        push(destination_events([delivery.destination_id]))


def stale(delivery: Delivery) -> bool:
    """A phone need not buzz for what has been seen meanwhile, and an old number need not follow a new one."""
    group, pushed = delivery.notification, delivery.destination.transport == Destination.Transport.PUSH
    return bool(delivery.successor()) or bool(group and pushed and not (group.unseen and group.count > 0))


def attempt(delivery: Delivery) -> Outcome | None:
    try:
        return transports[delivery.destination.transport].send(delivery)
    except Taken:
        log.warning("delivery %d: the lease ran out before it was sent", delivery.pk)
        return None
    except Exception as error:
        log.warning("delivery %d failed: %s", delivery.pk, type(error).__name__)  # the rest may hold a secret
        status = Status.UNKNOWN if delivery.exposed_at else Status.RETRYING
        return Outcome(status, f"{type(error).__name__}: {error}"[:500])


def settle(delivery: Delivery, outcome: Outcome | None) -> None:
    if not outcome:
        return
    place = delivery.destination
    if outcome.gone and place.transport == Destination.Transport.PUSH:  # nobody typed it, so nobody will miss it
        place.delete()
        return
    secrets = transports[place.transport].secrets(place)
    said, request, answer = (hidden(text, secrets) for text in (outcome.said, outcome.request, outcome.answer))
    delivery.settle(outcome.status, said, after=outcome.after, request=request, answer=answer)
    if outcome.after:
        leave_alone(place, outcome.after)
    if delivery.counted(outcome.status, gone=outcome.gone):
        push(notify([Entry(place.owner_id, "paused", f"destination.{place.pk}")]))


def leave_alone(place: Destination, after: timedelta) -> None:
    Destination.objects.filter(pk=place.pk).update(next_at=timezone.now() + after)
