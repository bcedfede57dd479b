"""Visitor identity: a signed cookie holds the key of a visitor, with or without an account.

A visitor key is ``u<user id>`` for an account and ``v<random>`` for anybody else. The cookie is HttpOnly and is set by
the first click, never by a page view: whoever only reads gets none.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, parse_cookie
from django.http.response import HttpResponseBase

from core import sessions
from core.same_origin import Headers

COOKIE = "visitor"
YEAR = 365 * 24 * 3600  # seconds
signer = TimestampSigner(salt="redheart.visitor")


def new_key() -> str:
    return f"v{secrets.token_urlsafe(12)}"


def account_key(user: AbstractBaseUser | AnonymousUser) -> str:
    return f"u{user.pk}"


def read_cookie(value: str | None) -> str | None:
    """The visitor key in a cookie's value. None if it is missing, forged or expired."""
    try:
        key = signer.unsign(value or "", max_age=YEAR)
        if key.startswith("u"):
            signer.unsign(value or "", max_age=settings.SESSION_COOKIE_AGE)
    except BadSignature:
        return None
    return key


def read_headers(headers: Headers) -> str | None:
    """The same from the headers of a request, for code that has no Django request. The key of an account counts only
    with the session of that account: see `unknown_session`."""
    key = read_cookie(parse_cookie(headers.get("cookie", "")).get(COOKIE))
    if key and key.startswith("u"):
        account = sessions.account(sessions.session_key(headers))
        return key if account and key == f"u{account.pk}" else None
    return key


def unknown_session(headers: Headers) -> str:
    """The session key that `sessions.load` must read before `read_headers` can be called; mostly empty."""
    if f"{COOKIE}=u" not in headers.get("cookie", ""):  # most visitors have no account
        return ""
    session_key = sessions.session_key(headers)
    return session_key if session_key and not sessions.is_known(session_key) else ""


def set_cookie(response: HttpResponseBase, key: str) -> None:
    """Sets the visitor cookie: for a year, for an account only as long as a session."""
    response.set_cookie(
        COOKIE,
        signer.sign(key),
        max_age=settings.SESSION_COOKIE_AGE if key.startswith("u") else YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def cookie_header(key: str) -> str:
    """The value of the Set-Cookie header, for responses that are not Django's."""
    response = HttpResponse()
    set_cookie(response, key)
    return response.cookies[COOKIE].OutputString()


def visitor_of(request: HttpRequest) -> str | None:
    """The visitor key of a request: the account if signed in, else the key in the cookie. None without either."""
    if request.user.is_authenticated:
        return account_key(request.user)
    key = read_cookie(request.COOKIES.get(COOKIE))
    return None if key and key.startswith("u") else key


def visitor_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., Any]:
    """Keeps the cookie in step with the session, because the like endpoint and the websocket read only the cookie."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code >= 500:  # the database may be away, and with it the session
            return response
        in_cookie, visitor = read_cookie(request.COOKIES.get(COOKIE)), visitor_of(request)
        if visitor and visitor != in_cookie and COOKIE not in response.cookies:
            set_cookie(response, visitor)
        elif in_cookie and not visitor:
            response.delete_cookie(COOKIE)
        return response

    return middleware
