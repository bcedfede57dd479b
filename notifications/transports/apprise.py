"""Chat rooms and other services through Apprise, which supports more than a hundred.

Some of them use this machine (its desktop, log or modem), and some options read its files. So only services are allowed
that send HTTP or SMTP to another machine, with options that are plain values.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from threading import get_ident
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifications.forms.destinations import MAX_ADDRESS, ConnectForm, public_url
from notifications.models import Delivery, Destination
from notifications.transports.base import RETRIED, DestinationTransport
from outbox import ssrf
from outbox.outcome import Outcome, Status
from outbox.transports import register

if TYPE_CHECKING:
    from apprise import NotifyBase

WITH_HOST = {  # their URL contains a host, which the form checks, too
    "gotify", "gotifys", "json", "jsons", "mailto", "mailtos", "matrix", "matrixs", "mmost", "mmosts", "ntfy", "ntfys",
    "rocket", "rockets",
}  # fmt: skip
ALLOWED = WITH_HOST | {
    "discord", "gchat", "line", "pbul", "pover", "slack", "tgram", "twilio", "wxteams", "workflows", "zulip",
}  # fmt: skip
ALLOWED_OPTIONS = {
    "api-version", "auth", "bcc", "botname", "cc", "channel", "channels", "footer", "format", "from", "id", "key",
    "mode", "name", "pass", "priority", "reply", "sig", "silent", "smtp", "sound", "thread", "to", "token", "topic",
    "user", "ver", "webhook",
}  # fmt: skip
MIN_KEY = 6  # characters
CLIENT_ERROR = re.compile(r"\berror=(4\d\d)\b")  # the status in the log of Apprise


class AppriseForm(ConnectForm):
    address = forms.CharField(
        label=_("Apprise URL"),
        max_length=MAX_ADDRESS,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "slack://…  discord://…  tgram://…"}),
        help_text=_("An Apprise URL for Slack, Discord, Telegram, email and more."),
    )

    def clean_address(self) -> str:
        return public_url(self.cleaned_data["address"], check_url)

    def row(self) -> dict[str, Any]:
        return {"address": self.cleaned_data["address"]}


@register
class Apprise(DestinationTransport):
    name = "apprise"
    label = _("Chat or other service")
    form = AppriseForm

    def send(self, delivery: Delivery) -> Outcome:
        """At least once."""
        title, text = delivery.content["title"], f"{delivery.content['text']}\n{delivery.content['url']}"
        request = f"{title}\n\n{text}"
        try:
            service = connect(delivery.destination.address)
            with ssrf.public_only(), captured_log() as log:
                done = service.notify(body=text, title=title)
            log_text = log.getvalue().strip()
        except ssrf.Refused as error:
            return Outcome(Status.FAILED, str(error), request)
        return Outcome(Status.ACCEPTED, "OK", request, log_text) if done else failure(log_text, request)

    def display_address(self, destination: Destination) -> str:
        """Without the host, which may be a key."""
        return f"{destination.address.partition('://')[0]}://…"

    def secrets(self, message: Delivery) -> list[str]:
        return [*super().secrets(message), *url_words(message.destination.address)]


@contextmanager
def captured_log() -> Iterator[StringIO]:
    """What Apprise logs in this thread. (Its own `LogCapture` would also have the lines of other threads.)"""
    log, thread = StringIO(), get_ident()
    handler = logging.StreamHandler(log)
    handler.addFilter(lambda record: record.thread == thread)
    logging.getLogger("apprise").addHandler(handler)
    try:
        yield log
    finally:
        logging.getLogger("apprise").removeHandler(handler)


def failure(log_text: str, request: str) -> Outcome:
    """The outcome of a failed attempt: Apprise gives the reason only in its log."""
    status = CLIENT_ERROR.search(log_text)
    is_final = status and int(status[1]) not in RETRIED
    response = next(iter(log_text.splitlines()), "Apprise could not send it.")
    return Outcome(Status.FAILED if is_final else Status.RETRYING, response[:500], request, log_text)


def connect(url: str) -> NotifyBase:
    """The service of an Apprise URL. Raises `ssrf.Refused` for one that is malformed or not allowed."""
    from apprise import Apprise as Services  # slow to import, and few processes need it
    from apprise.plugins import url_to_dict

    parts = url_to_dict(url) or {}  # also understands the webhook URLs that services give out
    if parts.get("schema") not in ALLOWED:
        raise ssrf.Refused(gettext("Enter a valid Apprise URL."))
    if unknown := set(parts["qsd"]) - ALLOWED_OPTIONS:
        raise ssrf.Refused(gettext("The option %(name)s isn't allowed.") % {"name": min(unknown)})
    service = Services.instantiate(parts)
    if not service:
        raise ssrf.Refused(gettext("Enter a valid Apprise URL."))
    return service


def check_url(url: str) -> None:
    """Raises `ssrf.Refused`, with the reason, for a URL that no message can be sent to."""
    service = connect(url)
    if url.partition("://")[0].lower() in WITH_HOST and getattr(service, "mode", "") != "cloud":
        ssrf.check_host(getattr(service, "smtp_host", "") or service.host)


def url_words(url: str) -> list[str]:
    """The parts of a URL that are long enough to be a key, percent-encoded and decoded."""
    found = re.split(r"[/@:?&=#]+", url.partition("://")[2])
    return [word for word in {*found, *map(unquote, found)} if len(word) >= MIN_KEY]
