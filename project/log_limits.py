"""Keeps the log readable while something is broken, or while somebody tries: the same line is not written thousands of
times, and a wrong host name is one short line."""

from __future__ import annotations

import logging
import time

PERIOD = 60.0  # seconds
MAX_LINES = 20  # from one template in a period
MAX_TEMPLATES = 1000  # that are remembered


class LimitRepeats(logging.Filter):
    """Drops warnings and errors of which there were `MAX_LINES` in this period: those with the same logger, message
    before its values are filled in, status and exception. The first one of the next period says how many."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[tuple[object, ...], tuple[float, int]] = {}  # when the period began, and how many lines since

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        error = record.exc_info[0] if record.exc_info else None
        key = (record.name, record.levelno, str(record.msg)[:200], getattr(record, "status_code", None), error)
        begun, count = self.seen.get(key, (time.monotonic(), 0))
        if time.monotonic() - begun > PERIOD:
            if count > MAX_LINES:
                record.msg, record.args = f"{record.getMessage()} ({count - MAX_LINES} like this were dropped)", ()
            begun, count = time.monotonic(), 0
        if len(self.seen) > MAX_TEMPLATES:
            self.seen.clear()
        self.seen[key] = (begun, count + 1)
        return count < MAX_LINES


def shorten_wrong_host(record: logging.LogRecord) -> bool:
    """Filter of ``django.security.DisallowedHost``, whose line names the host: without its traceback, and as a warning,
    because anybody can send any host; with one template for all of them, so that `LimitRepeats` counts them together.
    """
    record.msg, record.args, record.exc_info = "%s", (record.getMessage()[:200],), None
    record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True
