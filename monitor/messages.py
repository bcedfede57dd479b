"""Outgoing messages that were not delivered at the first attempt."""

from __future__ import annotations

from typing import NamedTuple

from django.urls import reverse

from feedback.models import Mail
from notifications.models import Delivery
from outbox.models import OutboxMessage
from outbox.outcome import PROBLEMS

SHOWN = 20


class Problem(NamedTuple):
    message: OutboxMessage
    url: str  # of the page that shows it with its attempts


def problems() -> list[Problem]:
    """The latest ones. Without an extra transport they are emails or deliveries."""
    found = [*OutboxMessage.objects.filter(status__in=PROBLEMS).order_by("-pk")[:SHOWN]]
    pks = [message.pk for message in found]
    mails = dict(Mail.objects.filter(pk__in=pks).values_list("pk", "message_id"))
    deliveries = dict(Delivery.objects.filter(pk__in=pks).values_list("pk", "destination_id"))
    urls = {pk: reverse("message", args=[message]) for pk, message in mails.items()}
    urls |= {pk: reverse("destination", args=[destination]) for pk, destination in deliveries.items()}
    return [Problem(message, urls.get(message.pk, "")) for message in found]
