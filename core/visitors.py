"""Who is looking. A signed cookie names every visitor, with or without an account.

A visitor key is ``u<user id>`` for an account and ``v<random>`` for anybody else. The cookie is HttpOnly and comes with
the first click, never with a page view, so that nobody is named who only reads.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

COOKIE = "visitor"
YEAR = 365 * 24 * 3600  # seconds
signer = TimestampSigner(salt="redheart.visitor")


def new_key() -> str:
    return f"v{secrets.token_urlsafe(12)}"


def account_key(user: AbstractBaseUser | AnonymousUser) -> str:
    return f"u{user.pk}"


def read(value: str | None) -> str | None:
    """The visitor key in a cookie, or None where it is missing, forged or too old."""
    try:
        key = signer.unsign(value or "", max_age=YEAR)
        if key.startswith("u"):
            signer.unsign(value or "", max_age=settings.SESSION_COOKIE_AGE)
    except BadSignature:
        return None
    return key


def remember(response: HttpResponseBase, key: str) -> None:
    """Names the visitor in a cookie; an account's lasts no longer than its session."""
    response.set_cookie(
        COOKIE,
        signer.sign(key),
        max_age=settings.SESSION_COOKIE_AGE if key.startswith("u") else YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def cookie(key: str) -> str:
    """The same as a Set-Cookie header, for answers that are not Django's."""
    response = HttpResponse()
    remember(response, key)
    return response.cookies[COOKIE].OutputString()


def visitor_of(request: HttpRequest) -> str | None:
    """The key of who asks: the account where somebody is signed in, else what the cookie says."""
    if request.user.is_authenticated:
        return account_key(request.user)
    key = read(request.COOKIES.get(COOKIE))
    return None if key and key.startswith("u") else key


def visitor_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., Any]:
    """Keeps the cookie in step with the session: the like door and the socket read only the cookie."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        named, wanted = read(request.COOKIES.get(COOKIE)), visitor_of(request)
        if wanted and wanted != named and COOKIE not in response.cookies:
            remember(response, wanted)
        elif named and not wanted:
            response.delete_cookie(COOKIE)
        return response

    return middleware
