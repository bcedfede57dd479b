"""The email address of an account, which gets the digest once it is confirmed.

``options["confirmed"]`` of the destination is True, or False while the confirmation is pending. Addresses entered
earlier have neither, so links in their old emails confirm nothing.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from notifications.digest import links
from notifications.models import Delivery, Destination
from outbox.email import EMAIL, email_row
from outbox.tasks import enqueue

A_DAY = timedelta(days=1)
MAX_PER_ACCOUNT, MAX_PER_ADDRESS = 5, 3  # confirmation emails in a day: anybody can enter any address
PRIORITY = 3  # like the confirmation emails of feedback


class TooOften(Exception):
    """There were enough confirmation emails in a day."""


@transaction.atomic
def set_address(*, user_id: int, address: str, again: bool = False) -> bool:
    """Stores an address that is used once it is confirmed; an empty one deletes the address. ``again`` sends another
    confirmation email while one is pending. Returns whether one was sent. Raises `TooOften`."""
    addresses = Destination.objects.filter(owner=user_id, transport=EMAIL)
    addresses.filter(options__confirmed=False).exclude(address=address).update(options={})
    if not address:
        addresses.filter(options__confirmed=True).delete()
        return False
    destination, _ = addresses.get_or_create(
        address=address, defaults={"owner_id": user_id, "transport": EMAIL, "name": address[:80]}
    )
    state = destination.options.get("confirmed")
    unconfirmed = state is None or destination.paused_at is not None or (again and not state)
    if unconfirmed:
        _request_confirmation(destination)
    return unconfirmed


@transaction.atomic
def confirm(*, destination: Destination) -> bool:
    """Confirms an address. False: no confirmation is pending. Confirming twice changes nothing."""
    addresses = Destination.objects.filter(owner=destination.owner_id, transport=EMAIL)
    if not addresses.filter(pk=destination.pk, options__has_key="confirmed").update(options={"confirmed": True}):
        return False
    addresses.exclude(pk=destination.pk).update(options={})
    return True


def _request_confirmation(destination: Destination) -> None:
    recent = Delivery.objects.filter(content__type="confirmation", created_at__gt=timezone.now() - A_DAY)
    if (
        recent.filter(destination__owner=destination.owner_id).count() >= MAX_PER_ACCOUNT
        or recent.filter(content__to__iexact=destination.address).count() >= MAX_PER_ADDRESS
    ):
        raise TooOften
    destination.resume()
    Destination.objects.filter(pk=destination.pk).update(options={"confirmed": False})
    delivery = Delivery.objects.create(destination=destination, **_confirmation(destination))
    transaction.on_commit(lambda: enqueue([delivery]))


def _confirmation(destination: Destination) -> dict[str, object]:
    link = settings.SITE_URL + reverse("address", args=[links.sign_address(destination)])
    return email_row(
        type="confirmation",
        to=destination.address,
        subject=gettext("Confirm your email"),
        text=render_to_string("notifications/mail/confirmation.txt", {"link": link}),
        headers={"Auto-Submitted": "auto-generated"},
        priority=PRIORITY,
    )
