"""Deletes old notifications without making the version of a bell smaller, which is the sum of theirs."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet

from core.deletion import TOGETHER
from notifications.models import Notification


def delete_read(*, before: datetime) -> None:
    """Deletes what was read, archived or taken back and has not changed since then, except the newest of each account:
    it gets the versions of those that are deleted."""
    old = Notification.objects.filter(changed_at__lt=before, fan_out_pending=False)
    old = old.filter(Q(read_at__isnull=False) | Q(archived_at__isnull=False) | Q(count__lte=0))
    for user_id in old.order_by().values_list("recipient", flat=True).distinct():
        while _delete_some(old.filter(recipient=user_id), user_id):
            pass


@transaction.atomic
def _delete_some(old: QuerySet[Notification], user_id: int) -> int:
    newest = Notification.objects.filter(recipient=user_id).latest("pk").pk
    locked = old.exclude(pk=newest).select_for_update().order_by("pk").values_list("pk", "version")
    some = dict(locked[:TOGETHER])
    Notification.objects.filter(pk=newest).update(version=F("version") + sum(some.values()))
    Notification.objects.filter(pk__in=some).delete()
    return len(some)
