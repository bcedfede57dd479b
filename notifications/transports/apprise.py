"""Chat rooms and other services through Apprise, which speaks to more than a hundred of them."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from notifications import guard
from notifications.models import Delivery
from notifications.outbox import Status
from notifications.transports import Outcome, Transport, declare

if TYPE_CHECKING:
    from apprise import NotifyBase

# Only what speaks HTTP or SMTP to another machine: Apprise could also ring this one's desktop, log or modem.
KNOWN = {
    "bark", "barks", "discord", "gchat", "gotify", "gotifys", "guilded", "json", "jsons", "mailto", "mailtos", "matrix",
    "matrixs", "mmost", "mmosts", "msteams", "ntfy", "ntfys", "pbul", "pover", "rocket", "rockets", "signal", "signals",
    "slack", "tgram", "twilio", "wxteams", "workflow", "workflows", "zulip",
}  # fmt: skip


@declare
class Apprise(Transport):
    name = "apprise"

    def send(self, delivery: Delivery) -> Outcome:
        """At least once. Apprise says only whether it has worked, so whatever has not is tried again for a day."""
        from apprise import LogCapture

        place, content = delivery.destination, delivery.content
        service = connect(place.address)
        asked = f"{content['title']}\n\n{content['text']}\n{content['url']}"
        try:
            with guard.outside(), LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
                done = service.notify(body=f"{content['text']}\n{content['url']}", title=content["title"])
                said = scrubbed(log.getvalue(), place.address)
        except guard.Refused as error:
            return Outcome(Status.FAILED, str(error), asked)
        if done:
            return Outcome(Status.ACCEPTED, "sent", asked, said)
        return Outcome(Status.RETRYING, (said.splitlines() or ["not sent"])[0][:500], asked, said)


def connect(url: str) -> NotifyBase:
    """The service behind an Apprise URL. Raises `guard.Refused` for one that is not understood or not allowed."""
    from apprise import Apprise as Services  # large, and few processes need it

    schema = url.partition("://")[0].lower()
    service = Services.instantiate(url, suppress_exceptions=True) if schema in KNOWN else None
    if not service:
        raise guard.Refused("This is not the URL of a service that can be written to.")
    return service


def masked(url: str) -> str:
    """As it may be shown: nothing in it lets anybody else write there."""
    try:
        return str(connect(url).url(privacy=True)).partition("?")[0]
    except guard.Refused:
        return f"{url.partition('://')[0]}://…"


def scrubbed(text: str, url: str) -> str:
    """What was said, without any part of the URL that could be a key."""
    for part in sorted(re.split(r"[/@:?&=]+", unquote(url.partition("://")[2])), key=len, reverse=True):
        if len(part) > 5:
            text = text.replace(part, "…")
    return text.strip()
