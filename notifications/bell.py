"""The bell as it can be watched: ``bell.<user id>``, by that account alone. Only the number travels.

Its version is the sum of the versions of the account's groups. Whatever is committed makes it greater, in any order and
from any machine, so a page that has lost a push or got two in the wrong order is right after the next snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db.models import Count, Q, Sum

from core.http import parse_pk
from core.visitors import account_key
from live import topics
from live.topics import Event, event
from notifications.models import Notification

UNREAD = Q(unseen=True, count__gt=0)


class Bell(NamedTuple):
    unread: int
    version: int


def bell_event(user: int, unread: int, version: int) -> Event:
    return event(f"bell.{user}", version, {"unread": unread})


def bells(users: Iterable[int]) -> dict[int, Bell]:
    """The bells of these accounts now, in one query."""
    rows = Notification.objects.filter(recipient__in=users).values("recipient").order_by()
    rows = rows.annotate(unread=Count("pk", filter=UNREAD), total=Sum("version"))
    found = {row["recipient"]: Bell(row["unread"], row["total"]) for row in rows}
    return {user: found.get(user, Bell(0, 0)) for user in users}


def bell_of(user: int) -> Bell:
    return bells([user])[user]


def snapshot(keys: list[str]) -> Iterable[Event]:
    users = [user for key in keys if (user := parse_pk(key)) is not None]
    return [bell_event(user, *bell) for user, bell in bells(users).items()]


def own(visitor: str | None, key: str) -> bool:
    """Only the account itself, and only while it may sign in."""
    user = User.objects.filter(pk=parse_pk(key) or 0, is_active=True).first()
    return user is not None and visitor == account_key(user)


topics.declare("bell", snapshot=snapshot, allows=own)
