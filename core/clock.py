"""Times as text: in URLs as microseconds since 1970, the resolution of both databases; in log lines."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def parse_microseconds(text: str) -> datetime | None:
    """The time in the text of a URL or a form. None if it is not a number, or too large for a date."""
    if not text.isascii() or not text.isdecimal() or len(text) > 16:
        return None
    return EPOCH + timedelta(microseconds=int(text))


def log_time(seconds: float) -> str:
    """The time in UTC, and a space. Empty under systemd, whose journal has the time of each line."""
    return "" if os.environ.get("JOURNAL_STREAM") else time.strftime("%Y-%m-%dT%H:%M:%SZ ", time.gmtime(seconds))
