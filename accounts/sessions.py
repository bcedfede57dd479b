"""Which sessions an account has: noted at sign-in, and how recently each was used.

The time is written at most every `INTERVAL` by each process; page views between cost nothing, and those of visitors who
are not signed in never do.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, cast

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.models import AccountSession
from core import user_agents
from core.database import incidental_write

INTERVAL = 300  # seconds
MAX_SESSIONS = 10_000  # in memory

written: dict[str, float] = {}  # when this process has written the time of a session, on the clock of `monotonic`


def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    """Receiver of ``user_logged_in``."""
    if not request.session.session_key:  # Django stores the session at the end of the request
        request.session.create()
    _note(request, user)


def keep_signed_in(request: HttpRequest, user: User) -> None:
    """The session stays although the password of its account has been changed. It gets a new key."""
    before = AccountSession.objects.filter(session=request.session.session_key).first()
    update_session_auth_hash(request, user)
    _note(request, user, **({"signed_in_at": before.signed_in_at} if before else {}))


def end(*, user: User, but: str | None = None, pk: int | None = None) -> int:
    """Ends the sessions of an account but the one with the key ``but``; with ``pk`` only that one. Returns how many."""
    rows = AccountSession.objects.filter(user=user).exclude(session=but or "")
    keys = list((rows.filter(pk=pk) if pk is not None else rows).values_list("session", flat=True))
    Session.objects.filter(pk__in=keys).delete()
    return len(keys)


def sessions_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., Any]:
    """Writes when the session of an account was last used."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        key = request.session.session_key
        if key and response.status_code < 500 and _is_due(key) and request.user.is_authenticated:
            _write(key, request)
        return response

    return middleware


def _is_due(key: str) -> bool:
    return key not in written or monotonic() - written[key] > INTERVAL


def _write(key: str, request: HttpRequest) -> None:
    _mark_written(key)
    with incidental_write():
        values = {"used_at": timezone.now(), "browser": _browser(request)}
        if not AccountSession.objects.filter(session=key).update(**values):  # started by an earlier release
            _note(request, cast(User, request.user))


def _note(request: HttpRequest, user: User, **values: object) -> None:
    key = str(request.session.session_key)
    values |= {"user": user, "browser": _browser(request)}
    AccountSession.objects.update_or_create(session_id=key, defaults=values)
    _mark_written(key)


def _browser(request: HttpRequest) -> str:
    return user_agents.name_of(request.META.get("HTTP_USER_AGENT", ""))[:80]


def _mark_written(key: str) -> None:
    if len(written) > MAX_SESSIONS:
        written.clear()
    written[key] = monotonic()
