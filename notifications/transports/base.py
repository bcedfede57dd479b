"""What the transports of destinations share. Each transport is one module of this package: its class, the form that
connects a destination, and its texts. Adding a module adds the transport everywhere."""

from __future__ import annotations

import re
from datetime import timedelta
from email.utils import parsedate_to_datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from django.utils import timezone

from notifications import transports as package
from notifications.models import Delivery, Destination
from outbox.http import Response
from outbox.outcome import Outcome, Status
from outbox.transports import Transport, transports

if TYPE_CHECKING:
    import requests
    from django_stubs_ext import StrPromise

    from notifications.forms.destinations import ConnectForm

RETRIED = {408, 425, 429}  # HTTP statuses below 500 after which a retry may succeed
MIN_SECRET = 8  # characters; a shorter part of an address is no secret
MAX_RETRY_AFTER = 12 * 3600  # seconds; half of `outbox.models.GIVE_UP_AFTER`


class DestinationTransport(Transport):
    """The transport of one sort of destination. `outbox.transports.register` adds it to `integrations`."""

    label: StrPromise | str
    form: type[ConnectForm] | None = None  # None: staff cannot connect one by a form
    secret_help: StrPromise | str = ""  # what the secret of a destination is for; empty: no page shows it

    def display_address(self, destination: Destination) -> str:
        """Its address without secrets."""
        parts = urlsplit(destination.address)
        return f"{parts.scheme}://{parts.netloc}/…"

    def secrets(self, message: Delivery) -> list[str]:
        """What no log and no page may show. Most addresses are secrets, too."""
        return [message.destination.secret, *secret_parts(message.destination.address)]


def transport_of(destination: Destination) -> DestinationTransport:
    return cast(DestinationTransport, transports[destination.transport])


def integrations() -> dict[str, DestinationTransport]:
    """The transports of destinations that staff connect by a form, by name."""
    return {name: t for name, t in transports.items() if isinstance(t, DestinationTransport) and t.form}


def load() -> None:
    """Imports every module of this package: each registers its transport."""
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")


def secret_parts(url: str) -> list[str]:
    """All that follows the host, as a whole and in the parts that may be a secret."""
    tail = url.partition("://")[2].partition("/")[2]
    spellings = {tail, unquote(tail)} - {""}
    parts = {part for spelling in spellings for part in re.split(r"[/?&=#@:]+", spelling) if len(part) >= MIN_SECRET}
    return [*(f"/{spelling}" for spelling in spellings), *parts]


def outcome_of(response: Response, request: str) -> Outcome:
    """2xx: accepted. 408, 425, 429 and 5xx: retry. Everything else: failed."""
    line, text = str(response), f"{response}\n\n{response.text}".strip()
    if response.status in RETRIED or response.status >= 500:
        return Outcome(Status.RETRYING, line, request, text, retry_after(response.headers.get("Retry-After", "")))
    return Outcome(Status.ACCEPTED if response.status // 100 == 2 else Status.FAILED, line, request, text)


def describe_error(error: requests.RequestException) -> str:
    """Why there was no response, in one line."""
    cause: Any = error.args[0] if error.args else ""
    return f"{type(error).__name__}: {getattr(cause, 'reason', cause)}"[:500]


def request_log(first_line: str, headers: dict[str, str], body: str) -> str:
    """A request as the delivery log shows it."""
    lines = [first_line, *(f"{name}: {value}" for name, value in headers.items())]
    return "\n".join(lines) + f"\n\n{body}"


def retry_after(value: str) -> timedelta:
    """The time in a Retry-After header, which holds seconds or a date. Zero if it is neither."""
    try:
        seconds = int(value) if value.isdecimal() else (parsedate_to_datetime(value) - timezone.now()).total_seconds()
    except (TypeError, ValueError):
        return timedelta()
    return timedelta(seconds=min(max(seconds, 0), MAX_RETRY_AFTER))
