"""The bell as a live topic: ``bell.<user id>``, watched by that account alone. Its state is only the unread number.

Its version is the sum of the versions of the account's groups. Every commit raises it, in any order and from any
machine, so a page that missed a broadcast or got two in the wrong order is right after the next snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db.models import Count, Q, Sum

from core.http import parse_pk, parse_pks
from core.visitors import account_key
from live import topics
from live.topics import Event, event
from notifications.models import Notification


class Bell(NamedTuple):
    unread: int
    version: int


def bell_event(user_id: int, unread: int, version: int) -> Event:
    return event(f"bell.{user_id}", version, {"unread": unread})


def bells(user_ids: Iterable[int]) -> dict[int, Bell]:
    """The current bells of these accounts, in one query."""
    groups = Notification.objects.filter(recipient__in=user_ids).values("recipient")
    rows = groups.annotate(unread=Count("pk", filter=Q(unseen=True, count__gt=0)), total=Sum("version"))
    found = {row["recipient"]: Bell(row["unread"], row["total"]) for row in rows}
    return {user_id: found.get(user_id, Bell(0, 0)) for user_id in user_ids}


def bell_of(user_id: int) -> Bell:
    return bells([user_id])[user_id]


def snapshot(keys: list[str]) -> Iterable[Event]:
    return [bell_event(user_id, *bell) for user_id, bell in bells(parse_pks(keys)).items()]


def is_owner(visitor: str | None, key: str) -> bool:
    """True for the account itself, while it is active."""
    user = User.objects.filter(pk=parse_pk(key) or 0, is_active=True).first()
    return user is not None and visitor == account_key(user)


topics.declare("bell", snapshot=snapshot, allows=is_owner)
