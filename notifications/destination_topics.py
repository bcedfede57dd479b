"""A destination as it can be watched: something was tried, so the page fetches its log anew."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Sum

from notifications import topics
from notifications.models import Attempt, Delivery
from notifications.team import is_staff
from notifications.topics import Event, event


def destination_event(pk: int) -> Event:
    """Its version counts what has happened: a delivery written, claimed, settled."""
    deliveries = Delivery.objects.filter(destination=pk)
    claims = deliveries.aggregate(claims=Sum("attempts"))["claims"] or 0
    return event(
        f"destination.{pk}", deliveries.count() + claims + Attempt.objects.filter(delivery__in=deliveries).count(), {}
    )


def snapshot(keys: list[str]) -> Iterable[Event]:
    return [destination_event(int(key)) for key in keys if key.isdecimal() and len(key) < 19]


topics.declare("destination", snapshot=snapshot, allows=is_staff)
