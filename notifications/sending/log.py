"""Deletes old deliveries."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from notifications.models import Delivery
from outbox.outcome import PENDING, Status

MAX_AGE = timedelta(days=30)
BATCH = 500  # rows deleted in one transaction


def delete_old_deliveries() -> None:
    """Deletes what is older than `MAX_AGE` and has ended or is on hold."""
    old = (
        Delivery.objects.filter(created_at__lt=timezone.now() - MAX_AGE)
        .exclude(status=Status.SENDING)
        .exclude(status__in=PENDING, on_hold=False)
    )
    while some := list(old.values_list("pk", flat=True)[:BATCH]):
        Delivery.objects.filter(pk__in=some).delete()
