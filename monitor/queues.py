"""How much waits in each queue, and for how long. Read from the rows, so it is true on any broker, and also of what no
task has been enqueued for."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.db.models import Count, Min
from django.utils import timezone

from likes.models import Like
from notifications.models import Notification
from outbox.models import OutboxMessage
from outbox.tasks import queues

MAX_WAIT = timedelta(seconds=30)  # that a like may be pending, or the fan-out of a notification
MAX_WAIT_MESSAGE = timedelta(minutes=5)  # that a message may be pending: a slow server needs some time for each


class Waiting(NamedTuple):
    name: str  # of the queue, or "notifications": those whose deliveries are not written yet
    pending: int  # rows
    oldest: timedelta  # how long the oldest of them has been due
    limit: timedelta  # the longest that is normal

    @property
    def late(self) -> bool:
        return self.oldest > self.limit


def waiting() -> list[Waiting]:
    """Four queries with partial indexes: they cost as much as there are rows that wait."""
    now = timezone.now()
    likes = Like.objects.filter(settled_at=None).aggregate(number=Count("*"), since=Min("clicked_at"))
    pending = Notification.objects.filter(fan_out_pending=True)
    notifications = pending.aggregate(number=Count("*"), since=Min("changed_at"))
    found = [("likes", likes, MAX_WAIT), ("notifications", notifications, MAX_WAIT)]
    for queue, transports in queues().items():
        due = OutboxMessage.due().filter(transport__in=transports).order_by()
        found.append((queue, due.aggregate(number=Count("*"), since=Min("next_at")), MAX_WAIT_MESSAGE))
    return [Waiting(name, row["number"], now - (row["since"] or now), limit) for name, row, limit in found]
