"""Web Push: a message encrypted for one browser (RFC 8291), sent to its push service (RFC 8030) and signed by this site
(RFC 8292)."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from notifications.models import PUSH, Delivery, Destination
from notifications.transports.base import DestinationTransport, outcome_of
from outbox import http, ssrf
from outbox.outcome import Outcome, Status
from outbox.transports import register

if TYPE_CHECKING:
    from py_vapid import Vapid02

TTL = 24 * 3600  # seconds that the push service keeps a message for a browser that is not running
SIGNATURE_LASTS = 12 * 3600  # seconds; push services refuse more than a day
GONE_STATUSES = {404, 410}


@register
class Push(DestinationTransport):
    name = PUSH
    label = _("Push")

    def send(self, delivery: Delivery) -> Outcome:
        """Not marked as handed over, so it is retried: a message with the same topic replaces the one before."""
        import requests  # large

        destination, topic = delivery.destination, tag(delivery)
        host, body = urlsplit(destination.address).netloc, encrypted(destination, message(delivery))
        request = f"POST {host}/…\nTopic: {topic}\n\n{len(body)} encrypted bytes"
        headers = {"Content-Encoding": "aes128gcm", "TTL": str(TTL), "Urgency": "normal", "Topic": topic}
        try:
            response = http.post(destination.address, body, headers | signature(destination.address))
        except ssrf.Refused as error:
            return Outcome(Status.FAILED, str(error), request)
        except requests.RequestException as error:  # its text would hold the secret address
            return Outcome(Status.RETRYING, f"{type(error).__name__}: {host}", request)
        return outcome_of(response, request)._replace(gone=response.status in GONE_STATUSES)


def message(delivery: Delivery) -> dict[str, Any]:
    """What the service worker shows. It holds no names and no text that people wrote."""
    content, group_id = delivery.content, delivery.notification_id
    page = urlsplit(content["url"]).path
    url = reverse("notification", args=[group_id]) if group_id else page
    return {"title": content["anonymous_text"], "tag": tag(delivery), "url": url, "page": page}


def tag(delivery: Delivery) -> str:
    """The same for all messages of one group, at most 32 characters."""
    return f"group-{delivery.notification_id or 0}"


def encrypted(destination: Destination, data: dict[str, Any]) -> bytes:
    from pywebpush import WebPusher  # slow to import, and only workers need it

    keys = {"p256dh": destination.options["p256dh"], "auth": destination.secret}
    pusher = WebPusher({"endpoint": destination.address, "keys": keys})
    return bytes(pusher.encode(json.dumps(data, ensure_ascii=False).encode())["body"])


@cache
def signer() -> Vapid02:
    from py_vapid import Vapid02

    return Vapid02.from_string(settings.VAPID_PRIVATE_KEY)


def signature(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return signer().sign(
        {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int(time.time()) + SIGNATURE_LASTS,
            "sub": f"mailto:{settings.DEFAULT_FROM_EMAIL}",
        }
    )


def public_key() -> str:
    """The key that browsers subscribe with. Empty: this site offers no push."""
    if not settings.VAPID_PRIVATE_KEY:
        return ""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = signer().public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).decode().rstrip("=")
