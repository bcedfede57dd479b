"""Writes that a page can do without, commits that do not wait for the disk, connections that do not wait for pages."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import InternalError, OperationalError, connection

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
    except (OperationalError, InternalError) as error:  # the second: PostgreSQL is read-only
        log.warning("a page is shown without its write: %r", error)
    finally:
        lock_timeout.reset(token)


@contextmanager
def unsynced_commit() -> Iterator[None]:
    """On SQLite, a commit in this block does not wait for the disk (sqlite.org/pragma.html#pragma_synchronous). If a
    process is killed, nothing is lost. A power failure may undo the commits since the last one that waited: use it only
    for what is done again then. Inside a transaction it has no effect."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    connection.connection.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        if connection.connection:  # it was not closed after an error
            connection.connection.execute("PRAGMA synchronous = FULL")


def leave_pool() -> None:
    """Called by a thread before its first query: its connection is not one of the pool that page views share, so that
    it never waits for them. It stays open until the thread closes it."""
    given = connection.settings_dict
    options = {name: value for name, value in given["OPTIONS"].items() if name != "pool"}
    connection.settings_dict = {**given, "OPTIONS": options}
