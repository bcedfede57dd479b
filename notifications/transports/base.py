"""How a delivery reaches its destination. Each transport is one small class in a module of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import requests
from django.utils import timezone

from notifications import transports as transports_package
from notifications.models import Delivery, Destination
from outbox.models import Status
from outbox.ssrf import Answer

BUSY = {408, 425, 429}  # may pass
SECRET = 8  # characters that a part of an address needs to be a key

LONGEST = 12 * 3600  # seconds that anybody may ask to be left alone; half of the time that we keep trying
transports: dict[str, Transport] = {}


class Outcome(NamedTuple):
    """What came of one try, and what was said on both sides, without secrets."""

    status: Status
    said: str
    request: str = ""
    answer: str = ""
    after: timedelta = timedelta()  # how long the other side wants to be left alone
    gone: bool = False  # the destination does not exist any more


class Transport:
    name: str
    gap = timedelta(seconds=1)  # between two messages to the same destination

    def send(self, delivery: Delivery) -> Outcome:
        """Hands it over, within the time limit of a task. What it raises counts as a failure that may pass."""
        raise NotImplementedError

    def shown(self, place: Destination) -> str:
        """Its address as people may see it."""
        parts = urlsplit(place.address)
        return f"{parts.scheme}://{parts.netloc}/…"

    def secrets(self, place: Destination) -> list[str]:
        """What no log and no page may show: most addresses are keys as well."""
        return [place.secret, *parts_of(place.address)]


def parts_of(url: str) -> list[str]:
    """All that follows the host, as a whole and in those parts that could be a key."""
    tail = url.partition("://")[2].partition("/")[2]
    spellings = {tail, unquote(tail)} - {""}
    parts = {part for spelling in spellings for part in re.split(r"[/?&=#@:]+", spelling) if len(part) >= SECRET}
    return [*(f"/{spelling}" for spelling in spellings), *parts]


def hidden(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def judge(answer: Answer, asked: str) -> Outcome:
    """2xx is accepted; who is busy or broken is asked again, who refuses is not."""
    said, heard = str(answer), f"{answer}\n\n{answer.text}".strip()
    if answer.status in BUSY or answer.status >= 500:
        return Outcome(Status.RETRYING, said, asked, heard, retry_after(answer.headers.get("Retry-After", "")))
    return Outcome(Status.ACCEPTED if answer.status // 100 == 2 else Status.FAILED, said, asked, heard)


def fault(error: requests.RequestException) -> str:
    """Why there was no answer, in the words of the system."""
    cause = error.args[0] if error.args else ""
    return f"{type(error).__name__}: {getattr(cause, 'reason', cause)}"[:500]


def told(verb: str, headers: dict[str, str], body: str) -> str:
    """A request as the log shows it."""
    lines = [verb, *(f"{name}: {value}" for name, value in headers.items())]
    return "\n".join(lines) + f"\n\n{body}"


def declare(transport: type[Transport]) -> type[Transport]:
    transports[transport.name] = transport()
    return transport


def load() -> None:
    """Every module of this package declares its transports."""
    for module in iter_modules(transports_package.__path__):
        import_module(f"{transports_package.__name__}.{module.name}")


def retry_after(value: str) -> timedelta:
    """What the header of that name asks for, in seconds or as a date; nothing where it says neither."""
    try:
        seconds = int(value) if value.isdecimal() else (parsedate_to_datetime(value) - timezone.now()).total_seconds()
    except (TypeError, ValueError):
        return timedelta()
    return timedelta(seconds=min(max(seconds, 0), LONGEST))
