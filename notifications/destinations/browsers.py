"""Browsers that get Web Push.

A browser belongs to the account that connected it last. A signed cookie holds the id of its destination. Signing out,
or signing in as another account, deletes the destination: a shared computer shows nobody the pushes of someone else.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext

from core.visitors import YEAR
from notifications.models import PUSH, Destination
from outbox.outcome import PENDING
from outbox.tasks import enqueue

COOKIE, SALT = "browser", "redheart.browser"
MAX_BROWSERS = 10  # of one account


class TooMany(Exception):
    """The account has `MAX_BROWSERS` already."""


def connected(user_id: int) -> QuerySet[Destination]:
    return Destination.objects.filter(owner=user_id, transport=PUSH)


@transaction.atomic
def connect(*, user_id: int, subscription: dict[str, str], name: str, replaces: int) -> Destination:
    """Connects a browser. ``replaces`` is the id of its earlier destination, whose account or address may differ.
    Raises `TooMany`."""
    address = subscription["endpoint"]
    pushes = Destination.objects.filter(transport=PUSH)
    pushes.filter(Q(address=address) | Q(pk=replaces)).exclude(owner=user_id, address=address).delete()
    if connected(user_id).exclude(address=address).count() >= MAX_BROWSERS:
        raise TooMany
    destination, _created = Destination.objects.update_or_create(
        transport=PUSH,
        address=address,
        defaults={
            "owner_id": user_id,
            "name": name,
            "secret": subscription["auth"],
            "options": {"p256dh": subscription["p256dh"]},
            "failures": 0,
            "failing_since": None,
            "paused_at": None,
            "probe_at": None,
        },
    )
    return destination


@transaction.atomic
def send_test(destination: Destination) -> None:
    """Enqueues a test message, unless one is pending. Resumes a paused browser."""
    destination.resume()
    if destination.deliveries.filter(notification=None, status__in=PENDING).exists():
        return
    content = {
        "anonymous_text": gettext("This is what notifications will look like."),
        "url": settings.SITE_URL + reverse("preferences"),
    }
    delivery = destination.deliveries.create(transport=PUSH, content=content, priority=1)
    transaction.on_commit(lambda: enqueue([delivery]))


def disconnect(*, user_id: int, but: int = 0) -> None:
    """Disconnects the browsers of an account, whose sessions there have been ended. ``but``: id of one that stays."""
    connected(user_id).exclude(pk=but).delete()


def set_cookie(response: HttpResponse, destination: Destination) -> None:
    response.set_signed_cookie(
        COOKIE,
        str(destination.pk),
        SALT,
        max_age=YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def read_cookie(request: HttpRequest) -> int:
    """The id of the destination of the browser that sent the request; it may be deleted by now. 0: none."""
    return int(request.get_signed_cookie(COOKIE, "0", SALT) or 0)


def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    """Signal receiver: deletes the browser if it belongs to another account."""
    Destination.objects.filter(pk=read_cookie(request)).exclude(owner=user).delete()


def signed_out(request: HttpRequest, **_: Any) -> None:
    """Signal receiver: deletes the browser."""
    Destination.objects.filter(pk=read_cookie(request)).delete()
