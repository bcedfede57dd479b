"""How a delivery reaches its destination. Each transport is one small class in a module of its own."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple

from django.utils import timezone

from notifications.models import Delivery
from notifications.outbox import Status

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


def declare(transport: type[Transport]) -> type[Transport]:
    transports[transport.name] = transport()
    return transport


def load() -> None:
    """Every module of this package declares its transports."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")


def retry_after(value: str) -> timedelta:
    """What the header of that name asks for, in seconds or as a date; nothing where it says neither."""
    try:
        seconds = int(value) if value.isdecimal() else (parsedate_to_datetime(value) - timezone.now()).total_seconds()
    except (TypeError, ValueError):
        return timedelta()
    return timedelta(seconds=min(max(seconds, 0), LONGEST))
