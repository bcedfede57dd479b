"""Chat rooms and other services through Apprise, which speaks to more than a hundred of them.

Apprise could also ring the desktop, the log or the modem of this machine, and some of its options read files of it. So
only services are used that are known to speak HTTP or SMTP to another machine, with options that are known to be words.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifications.forms.destinations import MAX_ADDRESS, ConnectForm
from notifications.models import Delivery, Destination
from notifications.transports.base import RETRIED, DestinationTransport
from outbox import ssrf
from outbox.outcome import Outcome, Status
from outbox.transports import register

if TYPE_CHECKING:
    from apprise import NotifyBase

OWN_HOST = {  # their URL names a host, which is checked when somebody types it, too
    "gotify", "gotifys", "json", "jsons", "mailto", "mailtos", "matrix", "matrixs", "mmost", "mmosts", "ntfy", "ntfys",
    "rocket", "rockets",
}  # fmt: skip
KNOWN = OWN_HOST | {
    "discord", "gchat", "line", "pbul", "pover", "slack", "tgram", "twilio", "wxteams", "workflows", "zulip",
}  # fmt: skip
OPTIONS = {
    "api-version", "auth", "bcc", "botname", "cc", "channel", "channels", "footer", "format", "from", "id", "key",
    "mode", "name", "pass", "priority", "reply", "sig", "silent", "smtp", "sound", "thread", "to", "token", "topic",
    "user", "ver", "webhook",
}  # fmt: skip
REFUSED = re.compile(r"\berror=(4\d\d)\b")  # the status in what Apprise says of a failure


class AppriseForm(ConnectForm):
    address = forms.CharField(
        label=_("Apprise URL"),
        max_length=MAX_ADDRESS,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "slack://…  discord://…  tgram://…"}),
        help_text=_("An Apprise URL for Slack, Discord, Telegram, email and more."),
    )

    def clean_address(self) -> str:
        try:
            look_at(self.cleaned_data["address"])
        except ssrf.Refused as error:
            raise forms.ValidationError(str(error)) from error
        return str(self.cleaned_data["address"])

    def row(self) -> dict[str, Any]:
        return {"address": self.cleaned_data["address"]}


@register
class Apprise(DestinationTransport):
    name = "apprise"
    label = _("Chat or other service")
    form = AppriseForm

    def send(self, delivery: Delivery) -> Outcome:
        """At least once."""
        from apprise import LogCapture

        title, text = delivery.content["title"], f"{delivery.content['text']}\n{delivery.content['url']}"
        request = f"{title}\n\n{text}"
        try:
            service = connect(delivery.destination.address)
            with ssrf.outside(), LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
                done = service.notify(body=text, title=title)
                said = log.getvalue().strip()
        except ssrf.Refused as error:
            return Outcome(Status.FAILED, str(error), request)
        return Outcome(Status.ACCEPTED, "OK", request, said) if done else judge(said, request)

    def display_address(self, destination: Destination) -> str:
        """Even the host may be a key."""
        return f"{destination.address.partition('://')[0]}://…"

    def secrets_of(self, destination: Destination) -> list[str]:
        return [*super().secrets_of(destination), *url_words(destination.address)]


def judge(said: str, request: str) -> Outcome:
    """Apprise says only in its log why something has not worked."""
    status = REFUSED.search(said)
    final = status and int(status[1]) not in RETRIED
    first = next(iter(said.splitlines()), "Apprise could not send it.")
    return Outcome(Status.FAILED if final else Status.RETRYING, first[:500], request, said)


def connect(url: str) -> NotifyBase:
    """The service behind an Apprise URL. Raises `guard.Refused` for one that is not understood or not allowed."""
    from apprise import Apprise as Services  # large, and few processes need it
    from apprise.plugins import url_to_dict

    parts = url_to_dict(url) or {}  # understands the addresses that services give out, too
    if parts.get("schema") not in KNOWN:
        raise ssrf.Refused(gettext("Enter a valid Apprise URL."))
    if odd := set(parts["qsd"]) - OPTIONS:
        raise ssrf.Refused(gettext("The option %(name)s isn't allowed.") % {"name": min(odd)})
    service = Services.instantiate(parts)
    if not service:
        raise ssrf.Refused(gettext("Enter a valid Apprise URL."))
    return service


def look_at(url: str) -> None:
    """Raises `guard.Refused` for a URL that could never be written to, with the reason."""
    service = connect(url)
    if service.schema in OWN_HOST and getattr(service, "mode", "") != "cloud":
        ssrf.look_up(getattr(service, "smtp_host", "") or service.host)


def url_words(url: str) -> list[str]:
    """Everything in a URL that is not too short to be a key, in both spellings."""
    found = re.split(r"[/@:?&=#]+", url.partition("://")[2])
    return [word for word in {*found, *map(unquote, found)} if len(word) > 5]
