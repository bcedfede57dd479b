"""The browsers that show notifications, and which of them somebody is using now.

A browser belongs to the account that has connected it last. A signed cookie says which one it is, so that signing out
ends it, and so does signing in as somebody else: a shared computer shows nobody what was meant for the one before.
"""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext

from core.visitors import YEAR
from notifications.models import Destination
from outbox.outcome import PENDING
from outbox.tasks import enqueue

PUSH = "push"
COOKIE = "browser"
MOST = 10  # browsers of one account
NAMES = {
    "Edge": "Edg",
    "Opera": "OPR/",
    "Samsung Internet": "SamsungBrowser",
    "Firefox": "Firefox|FxiOS",
    "Chrome": "Chrome|CriOS",
    "Safari": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "ChromeOS": "CrOS",
    "Windows": "Windows",
    "macOS": "Mac OS",
    "Linux": "Linux",
}
signer = Signer(salt="redheart.browser")


class TooMany(Exception):
    """This account has connected all the browsers that it may."""


def shown(request: HttpRequest) -> list[Destination]:
    """All browsers of the account, with ``here`` set on the one that asks."""
    found, asking = list(connected(request.user.pk or 0)), here(request)
    for destination in found:
        destination.here = destination.pk == asking
    return found


def connected(user: int) -> QuerySet[Destination]:
    return Destination.objects.filter(owner=user, transport=PUSH)


@transaction.atomic
def connect(*, user: int, subscription: dict[str, str], name: str, before: int) -> Destination:
    """Connects a browser, and ends what it was before: another's, or one with another address. Raises `TooMany`."""
    address = subscription["endpoint"]
    pushes = Destination.objects.filter(transport=PUSH)
    pushes.filter(Q(address=address) | Q(pk=before)).exclude(owner=user, address=address).delete()
    if connected(user).exclude(address=address).count() >= MOST:
        raise TooMany
    values: dict[str, Any] = {
        "owner_id": user,
        "name": name,
        "secret": subscription["auth"],
        "options": {"p256dh": subscription["p256dh"]},
        "failures": 0,
        "paused_at": None,
    }
    return pushes.update_or_create(address=address, defaults=values, create_defaults={**values, "transport": PUSH})[0]


@transaction.atomic
def send_test(destination: Destination) -> None:
    """Sends a word to it, unless one is on its way. A browser that was paused gets another chance."""
    destination.resume()
    if destination.deliveries.filter(notification=None, status__in=PENDING).exists():
        return
    content = {
        "anonymous_text": gettext("This is what notifications will look like."),
        "url": settings.SITE_URL + reverse("preferences"),
    }
    delivery = destination.deliveries.create(transport=PUSH, content=content, priority=1)
    transaction.on_commit(lambda: enqueue([delivery]))


def remember(response: HttpResponse, destination: Destination) -> None:
    response.set_cookie(
        COOKIE,
        signer.sign(str(destination.pk)),
        max_age=YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def here(request: HttpRequest) -> int:
    """Which one it is that asks; it may be gone by now. 0: none that was ever connected."""
    try:
        return int(signer.unsign(request.COOKIES.get(COOKIE, "")))
    except BadSignature:
        return 0


def signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    Destination.objects.filter(pk=here(request)).exclude(owner=user).delete()


def signed_out(request: HttpRequest, **_: Any) -> None:
    Destination.objects.filter(pk=here(request)).delete()


def name_of(agent: str) -> str:
    """What people call a browser, from what it calls itself: Chrome · Linux."""
    found = [next((name for name, sign in names.items() if re.search(sign, agent)), "") for names in (NAMES, SYSTEMS)]
    return " · ".join(filter(None, found)) or gettext("Browser")
