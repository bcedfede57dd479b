"""Webhooks, signed as Standard Webhooks says (standardwebhooks.com): the receiver can check the sender and the time,
and recognise a message that it already has."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from notifications.forms.destinations import MAX_ADDRESS, ConnectForm, public_url
from notifications.models import Delivery
from notifications.transports.base import DestinationTransport, describe_error, outcome_of, request_log
from outbox import http, ssrf
from outbox.outcome import Outcome, Status
from outbox.transports import register

PREFIX = "whsec_"
GONE = 410


class WebhookForm(ConnectForm):
    address = forms.CharField(label=_("URL"), max_length=MAX_ADDRESS, widget=forms.URLInput)

    def clean_address(self) -> str:
        return public_url(self.cleaned_data["address"])

    def row(self) -> dict[str, Any]:
        return {"address": self.cleaned_data["address"], "secret": new_secret()}


@register
class Webhook(DestinationTransport):
    name = "webhook"
    label = _("Webhook")
    secret_help = _("Signs every message (Standard Webhooks).")
    form = WebhookForm

    def send(self, delivery: Delivery) -> Outcome:
        """At least once: without a response it is sent again, with the same ``webhook-id``."""
        import requests  # large

        destination = delivery.destination
        body = json.dumps({"type": delivery.content.get("type", "test"), "data": delivery.content}, ensure_ascii=False)
        headers = signed_headers(delivery.identity, int(time.time()), body, destination.secret)
        request = request_log(f"POST {self.display_address(destination)}", headers | {"webhook-signature": "…"}, body)
        try:
            response = http.post(destination.address, body.encode(), headers)
        except ssrf.Refused as error:
            return Outcome(Status.FAILED, str(error), request)
        except requests.RequestException as error:
            return Outcome(Status.RETRYING, describe_error(error), request)
        return outcome_of(response, request)._replace(gone=response.status == GONE)


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def signed_headers(identity: str, at: int, body: str, secret: str) -> dict[str, str]:
    """The headers of a message that is sent ``at`` (Unix time)."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{identity}.{at}.{body}".encode(), hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "user-agent": "Redheart",
        "webhook-id": identity,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
