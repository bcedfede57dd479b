"""The bell as a live topic: ``bell.<user id>``, watched by that account alone. Its state is only the unread number.

Its version is a `Version`, which every change of the account's groups raises first, so that the versions have the order
of the commits: a page that missed a broadcast or got two in the wrong order is right after the next snapshot. Neither
the version nor the number costs more with many groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import connection

from core.http import parse_pk, parse_pks
from core.models import Version
from core.visitors import account_key
from live import topics
from live.topics import Event, event

MAX_UNREAD = 1000  # as below; pages show 99+ for more than 99
COUNT_UNREAD = """
(SELECT count(*) FROM (SELECT 1 FROM notifications_notification AS o
 WHERE o.recipient_id = {recipient} AND o.unseen AND o.count > 0 {others} LIMIT 1000) AS counted)
"""
BELLS = """
SELECT name, {unread}, number FROM core_version WHERE name IN ({names})
"""


class Bell(NamedTuple):
    unread: int  # at most `MAX_UNREAD`
    version: int


def bell_event(user_id: int, unread: int, version: int) -> Event:
    return event(f"bell.{user_id}", version, {"unread": unread})


def bells(user_ids: Iterable[int]) -> dict[int, Bell]:
    """The current bells of these accounts, in one query."""
    names = {_name(user_id): user_id for user_id in user_ids}
    found = dict.fromkeys(names.values(), Bell(0, 0))
    if names:
        unread = COUNT_UNREAD.format(recipient="CAST(substr(name, 6) AS bigint)", others="")
        with connection.cursor() as cursor:
            cursor.execute(BELLS.format(unread=unread, names=", ".join(["%s"] * len(names))), [*names])
            found |= {names[name]: Bell(number, version) for name, number, version in cursor.fetchall()}
    return found


def change_bells(user_ids: Iterable[int]) -> dict[int, int]:
    """Call it in each transaction that changes groups of these accounts, before the change. Returns the versions of
    their bells."""
    names = {_name(user_id): user_id for user_id in user_ids}
    return {names[name]: version for name, version in Version.increase_all(names).items()}


def _name(user_id: int) -> str:
    return f"bell.{user_id}"


def bell_of(user_id: int) -> Bell:
    return bells([user_id])[user_id]


def snapshot(keys: list[str]) -> Iterable[Event]:
    return [bell_event(user_id, *bell) for user_id, bell in bells(parse_pks(keys)).items()]


def is_owner(visitor: str | None, key: str) -> bool:
    """True for the account itself, while it is active."""
    user = User.objects.filter(pk=parse_pk(key) or 0, is_active=True).first()
    return user is not None and visitor == account_key(user)


topics.declare("bell", snapshot=snapshot, allows=is_owner)
