"""Which account a session belongs to, for the like endpoint and the sockets, which have no Django request.

The visitor cookie of an account counts only together with its session: it is worthless once the account has signed out,
changed its password, or was deactivated or deleted.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import parse_cookie
from django.utils import timezone

from core.same_origin import Headers

VALID = 5.0  # seconds that an answer of the database is used
MAX_SESSIONS = 10_000  # in memory


class Account(NamedTuple):
    pk: int
    is_staff: bool


accounts: dict[str, tuple[Account | None, float]] = {}  # and when it was read, by session key


def session_key(headers: Headers) -> str:
    return parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME, "")


def is_known(key: str) -> bool:
    """Whether `account` can be called without `load`."""
    return key in accounts and time.monotonic() - accounts[key][1] < VALID


def account(key: str) -> Account | None:
    """The account of a session, from memory. None if the session has ended or was never loaded."""
    return accounts.get(key, (None, 0.0))[0]


def load(keys: Collection[str]) -> None:
    """Reads the accounts of these sessions from the database."""
    if len(accounts) > MAX_SESSIONS:
        accounts.clear()
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    stored = {session.session_key: session.get_decoded() for session in sessions}
    pks = [data[SESSION_KEY] for data in stored.values() if SESSION_KEY in data]
    users = User.objects.filter(is_active=True).in_bulk(pks)
    now = time.monotonic()
    accounts.update({key: (_account(stored.get(key, {}), users), now) for key in keys})


def _account(data: Mapping[str, Any], users: Mapping[int, User]) -> Account | None:
    """The account in the data of a session, by the rule of `django.contrib.auth.get_user`: its password is the same."""
    user = users.get(int(data.get(SESSION_KEY, 0)))
    if not user or data.get(HASH_SESSION_KEY) not in (
        user.get_session_auth_hash(),
        *user.get_session_auth_fallback_hash(),
    ):
        return None
    return Account(user.pk, user.is_staff)
