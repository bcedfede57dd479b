"""Microseconds since 1970: the resolution of both databases, so that a time can serve as a version."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def from_microseconds(number: int) -> datetime:
    return EPOCH + timedelta(microseconds=number)


def parse_microseconds(text: str) -> int | None:
    """Microseconds from the text of a URL or a form. None if it is not a number, or too large for a date."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 16 else None


def now_microseconds() -> int:
    return time.time_ns() // 1000
