"""A transport that is not in the product: it posts the text of a notification as plain text."""

from __future__ import annotations

from typing import Any

from django import forms

from notifications.forms.destinations import ConnectForm, public_url
from notifications.models import Delivery
from notifications.transports.base import DestinationTransport, outcome_of
from outbox import http
from outbox.outcome import Outcome
from outbox.transports import register


class PlainTextForm(ConnectForm):
    room = forms.CharField(label="Room of the text")

    def clean_room(self) -> str:
        return public_url(self.cleaned_data["room"])

    def row(self) -> dict[str, Any]:
        return {"address": self.cleaned_data["room"]}


@register
class PlainText(DestinationTransport):
    name = "plain_text"
    label = "Plain text"
    form = PlainTextForm

    def send(self, delivery: Delivery) -> Outcome:
        text = str(delivery.content["text"])
        return outcome_of(http.post(delivery.destination.address, text.encode(), {}), text)
