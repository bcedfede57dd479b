"""Microseconds since 1970: the resolution of both databases, so that a time can be in a URL."""

from __future__ import annotations

from datetime import datetime, timedelta

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def parse_microseconds(text: str) -> datetime | None:
    """The time in the text of a URL or a form. None if it is not a number, or too large for a date."""
    if not text.isascii() or not text.isdecimal() or len(text) > 16:
        return None
    return EPOCH + timedelta(microseconds=int(text))
