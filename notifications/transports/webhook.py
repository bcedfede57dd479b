"""A signed webhook, by the rules of Standard Webhooks (standardwebhooks.com): the receiver can tell that it is ours,
when it was sent, and whether it has had it before."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time

import requests

from notifications.models import Delivery
from notifications.transports.base import Outcome, Transport, declare, fault, judge, told
from outbox import ssrf
from outbox.models import Status

PREFIX = "whsec_"
GONE = 410


@declare
class Webhook(Transport):
    name = "webhook"

    def send(self, delivery: Delivery) -> Outcome:
        """At least once: after silence it is sent again, with the same ``webhook-id``."""
        place = delivery.destination
        body = json.dumps({"type": delivery.content.get("kind", "test"), "data": delivery.content}, ensure_ascii=False)
        headers = signed(delivery.identity, int(time.time()), body, place.secret)
        asked = told(f"POST {self.shown(place)}", headers | {"webhook-signature": "…"}, body)
        try:
            answer = ssrf.post(place.address, body.encode(), headers)
        except ssrf.Refused as error:
            return Outcome(Status.FAILED, str(error), asked)
        except requests.RequestException as error:
            return Outcome(Status.RETRYING, fault(error), asked)
        return judge(answer, asked)._replace(gone=answer.status == GONE)


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


def signed(identity: str, at: int, body: str, secret: str) -> dict[str, str]:
    """The headers of a message that is sent ``at`` (seconds since 1970)."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{identity}.{at}.{body}".encode(), hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "user-agent": "Redheart",
        "webhook-id": identity,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
