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

from notifications import guard
from notifications.guard import Answer
from notifications.models import Delivery
from notifications.outbox import Status
from notifications.transports import Outcome, Transport, declare, retry_after

PREFIX = "whsec_"
BUSY = {408, 425, 429}  # may pass
GONE = 410


@declare
class Webhook(Transport):
    name = "webhook"

    def send(self, delivery: Delivery) -> Outcome:
        """At least once: after silence it is sent again, with the same ``webhook-id``."""
        body = json.dumps({"type": delivery.content.get("kind", "test"), "data": delivery.content}, ensure_ascii=False)
        headers = signed(delivery.identity, int(time.time()), body, delivery.destination.secret)
        asked = told("POST", headers | {"webhook-signature": "…"}, body)
        try:
            answer = guard.post(delivery.destination.address, body.encode(), headers)
        except guard.Refused as error:
            return Outcome(Status.FAILED, str(error), asked)
        except requests.RequestException as error:  # its text may hold the address, and that may be a secret
            return Outcome(Status.RETRYING, type(error).__name__, asked)
        return judge(answer, asked)


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


def judge(answer: Answer, asked: str) -> Outcome:
    """2xx is a yes, 410 ends it, the other side's troubles may pass, and everything else stays as it is."""
    after = retry_after(answer.headers.get("retry-after", ""))
    heard = f"{answer}\n\n{answer.text}".strip()
    if 200 <= answer.status < 300:
        return Outcome(Status.ACCEPTED, str(answer), asked, heard)
    if answer.status in BUSY or answer.status >= 500:
        return Outcome(Status.RETRYING, str(answer), asked, heard, after)
    return Outcome(Status.FAILED, str(answer), asked, heard, gone=answer.status == GONE)


def told(verb: str, headers: dict[str, str], body: str) -> str:
    """A request as the log shows it."""
    lines = [verb, *(f"{name}: {value}" for name, value in headers.items())]
    return "\n".join(lines) + f"\n\n{body}"
