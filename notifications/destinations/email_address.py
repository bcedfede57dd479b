"""The mail address of an account: where the digest goes once its owner has said yes.

``options["confirmed"]`` of the destination is True, or False while the question is open; whatever else somebody has
typed before has neither, so that a link in an old mail says yes to nothing.
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
from outbox.email import EMAIL, email_content
from outbox.models import new_identity
from outbox.tasks import enqueue

A_DAY = timedelta(days=1)
PER_ACCOUNT, PER_ADDRESS = 5, 3  # confirmation mails in a day: anybody can type any address
PRIORITY = 3  # as the confirmations of feedback


class TooOften(Exception):
    """Enough confirmation mails for today."""


@transaction.atomic
def set_address(*, user: int, address: str, again: bool = False) -> bool:
    """What this person has typed; empty takes the address away. An address is used once its owner has said yes.
    Returns whether a confirmation mail was sent to ask for that. Raises `TooOften`."""
    mine = Destination.objects.filter(owner=user, transport=EMAIL)
    mine.filter(options__confirmed=False).exclude(address=address).update(options={})
    if not address:
        mine.filter(options__confirmed=True).delete()
        return False
    new = {"owner_id": user, "transport": EMAIL, "name": address[:80]}
    destination, _ = mine.get_or_create(address=address, defaults=new)
    state = destination.options.get("confirmed")
    asks = state is None or destination.paused_at is not None or (again and not state)
    if asks:
        _ask(destination)
    return asks


@transaction.atomic
def confirm(*, destination: Destination) -> bool:
    """Its owner says yes. False: the question is not open any more. Saying it twice changes nothing."""
    mine = Destination.objects.filter(owner=destination.owner_id, transport=EMAIL)
    if not mine.filter(pk=destination.pk, options__has_key="confirmed").update(options={"confirmed": True}):
        return False
    mine.exclude(pk=destination.pk).update(options={})
    return True


def _ask(destination: Destination) -> None:
    asked = Delivery.objects.filter(content__type="confirmation", created_at__gt=timezone.now() - A_DAY)
    if asked.filter(destination__owner=destination.owner_id).count() >= PER_ACCOUNT:
        raise TooOften
    if asked.filter(destination__address__iexact=destination.address).count() >= PER_ADDRESS:
        raise TooOften
    destination.options, destination.paused_at, destination.failures = {"confirmed": False}, None, 0
    destination.save(update_fields=["options", "paused_at", "failures"])
    delivery = Delivery.objects.create(destination=destination, **_confirmation(destination))
    transaction.on_commit(lambda: enqueue([delivery]))


def _confirmation(destination: Destination) -> dict[str, object]:
    link = settings.SITE_URL + reverse("address", args=[links.sign_address(destination)])
    identity = new_identity()
    content = email_content(
        to=destination.address,
        subject=gettext("Confirm your email"),
        text=render_to_string("notifications/mail/confirmation.txt", {"link": link}),
        identity=identity,
        headers={"Auto-Submitted": "auto-generated"},
    )
    content["type"] = "confirmation"
    return {"transport": EMAIL, "priority": PRIORITY, "identity": identity, "content": content}
