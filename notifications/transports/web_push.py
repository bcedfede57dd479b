"""Web push: a message that only the browser can read (RFC 8291), left with its push service (RFC 8030), and signed, so
that nobody else can leave one there (RFC 8292)."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from py_vapid import Vapid02
from py_vapid.utils import b64urlencode

from notifications.models import Delivery, Destination
from notifications.transports.base import DestinationTransport, judge
from outbox import ssrf
from outbox.outcome import Outcome, Status
from outbox.transports import register

KEPT = 24 * 3600  # seconds, for a browser that is not running
SIGNED = 12 * 3600  # seconds; services refuse a signature that is good for more than a day
GONE = {404, 410}


@register
class Push(DestinationTransport):
    name = "push"
    label = _("Push")

    def send(self, delivery: Delivery) -> Outcome:
        """Not marked as handed over: a second message of the same group takes the place of the first."""
        destination, topic = delivery.destination, tag(delivery)
        host, body = urlsplit(destination.address).netloc, encrypted(destination, message(delivery))
        request = f"POST {host}/…\nTopic: {topic}\n\n{len(body)} encrypted bytes"
        headers = {"Content-Encoding": "aes128gcm", "TTL": str(KEPT), "Urgency": "normal", "Topic": topic}
        try:
            answer = ssrf.post(destination.address, body, headers | signature(destination.address))
        except ssrf.Refused as error:
            return Outcome(Status.FAILED, str(error), request)
        except requests.RequestException as error:  # its text would hold the secret address
            return Outcome(Status.RETRYING, f"{type(error).__name__}: {host}", request)
        return judge(answer, request)._replace(gone=answer.status in GONE)


def message(delivery: Delivery) -> dict[str, Any]:
    """What the service worker of the page shows. Nobody is named, and nothing that somebody wrote is in it."""
    content, group = delivery.content, delivery.notification_id
    page = urlsplit(content["url"]).path
    url = reverse("notification", args=[group]) if group else page
    return {"title": content["anonymous_text"], "tag": tag(delivery), "url": url, "page": page}


def tag(delivery: Delivery) -> str:
    """The same for all that is told of one group, in at most 32 letters."""
    return f"group-{delivery.notification_id or 0}"


def encrypted(destination: Destination, data: dict[str, Any]) -> bytes:
    from pywebpush import WebPusher  # large, and only a worker that sends needs it

    keys = {"p256dh": destination.options["p256dh"], "auth": destination.secret}
    pusher = WebPusher({"endpoint": destination.address, "keys": keys})
    return bytes(pusher.encode(json.dumps(data, ensure_ascii=False).encode())["body"])


@cache
def signer() -> Vapid02:
    return Vapid02.from_string(settings.VAPID_PRIVATE_KEY)


def signature(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return signer().sign(
        {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int(time.time()) + SIGNED,
            "sub": f"mailto:{settings.DEFAULT_FROM_EMAIL}",
        }
    )


def public_key() -> str:
    """By which a browser knows this site again. Empty: this site offers no pushes."""
    if not settings.VAPID_PRIVATE_KEY:
        return ""
    return b64urlencode(signer().public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
