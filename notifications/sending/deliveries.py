"""What notifications do while the outbox sends a delivery."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from live.broadcast import broadcast
from notifications.destinations.topics import destination_events
from notifications.models import PUSH, Delivery, Destination
from notifications.models.destinations import GAP
from notifications.notify import Entry, notify
from outbox.outcome import Outcome
from outbox.transports import MessageHandler

UNREADABLE_RETRY = timedelta(minutes=1)  # a restart with a new SECRET_KEY is not over on every machine


class DeliveryHandler(MessageHandler):
    related = ("destination", "notification")

    def is_ready(self, delivery: Delivery) -> bool:
        """Drops a stale delivery. Postpones one that its destination's rate limit does not allow yet, or whose address
        this process has no key to read."""
        if is_stale(delivery):
            delivery.drop()
            return False
        destination = delivery.destination
        if not destination.address:
            delivery.postpone(timezone.now() + UNREADABLE_RETRY)
            return False
        if destination.take_turn():
            return True
        destination.refresh_from_db()
        delivery.postpone(max(destination.next_at, timezone.now() + GAP))
        destination.hold_if_paused()
        return False

    def changed(self, delivery: Delivery) -> None:
        delivery.destination.touch()

    def settled(self, delivery: Delivery, outcome: Outcome) -> None:
        """Counts the failures of the destination, and pauses it after too many or if it is gone."""
        destination = delivery.destination
        if outcome.worker_lost:
            return
        if outcome.gone and destination.transport == PUSH:  # the browser has unsubscribed
            destination.delete()
            return
        if outcome.retry_after:
            Destination.objects.filter(pk=destination.pk).update(next_at=timezone.now() + outcome.retry_after)
        if destination.count_outcome(outcome):
            events = notify([Entry(destination.owner_id, "paused", f"destination.{destination.pk}")])
            transaction.on_commit(lambda: broadcast(events))

    def broadcast(self, delivery: Delivery) -> None:
        broadcast(destination_events([delivery.destination_id]))


def is_stale(delivery: Delivery) -> bool:
    """True if a newer delivery replaces it, or if it is a push about a group that has been seen meanwhile."""
    group = delivery.notification
    seen = group and delivery.transport == PUSH and not (group.unseen and group.count > 0)
    return bool(seen or delivery.newer())
