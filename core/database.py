"""Writes that a page can do without."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import OperationalError

SHORT = 0.5  # seconds
lock_timeout = ContextVar("lock_timeout", default=10.0)  # seconds that a statement waits for the write lock of SQLite
log = logging.getLogger(__name__)


@contextmanager
def incidental_write() -> Iterator[None]:
    """A write in this block waits only briefly for a lock, and if the database cannot be written, the page is shown
    nevertheless. (PostgreSQL refuses at once if it is read-only, and has a ``lock_timeout``.)"""
    token = lock_timeout.set(SHORT)
    try:
        yield
    except OperationalError as error:
        log.warning("a page is shown without its write: %r", error)
    finally:
        lock_timeout.reset(token)
