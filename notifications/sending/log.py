"""The delivery log does not grow for ever."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from notifications.models import Delivery
from outbox.outcome import PENDING, Status

KEPT = timedelta(days=30)
CHUNK = 500  # rows deleted in one transaction


def delete_old_deliveries() -> None:
    """Deletes deliveries older than the log is kept: those that have ended, and those on hold."""
    old = Delivery.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(status=Status.SENDING)
    old = old.exclude(status__in=PENDING, on_hold=False)
    while some := list(old.values_list("pk", flat=True)[:CHUNK]):
        Delivery.objects.filter(pk__in=some).delete()
