"""Django's SQLite backend with a shorter wait for the write lock.

SQLite sleeps for up to 100 ms between two attempts to get the lock. With a web process and a worker that each hold it
for a millisecond, that sleep would be most of the time of a click.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db.backends.sqlite3 import base

from core.database import lock_timeout

MIN_PAUSE, MAX_PAUSE = 0.0003, 0.001  # seconds between two attempts
# Another connection is writing, or recovers the file after a crash. Not SQLITE_BUSY_SNAPSHOT: waiting does not help.
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        create_private(str(conn_params["database"]))
        connection = super().get_new_connection(conn_params)  # opening a database waits in SQLite's own way
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    @property
    def queries_logged(self) -> bool:
        """Whether `connection.queries` is kept: with LOG_QUERIES=1, and in tests that count. Not with DEBUG alone,
        because Django runs a second statement after each one to log it."""
        return self.force_debug_cursor or settings.LOG_QUERIES

    def create_cursor(self, name: str | None = None) -> Cursor:
        return self.connection.cursor(factory=Cursor)


def create_private(name: str) -> None:
    """Creates the file of a new database for its owner alone. SQLite gives its other files the same mode.

    One that exists is not opened: to close it would end the locks that this process has on it (section 2.2 of
    sqlite.org/howtocorrupt.html)."""
    if not name.startswith("file:") and name != ":memory:":
        with suppress(OSError):  # it exists, or SQLite says why it cannot be created
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


class Cursor(base.SQLiteCursorWrapper):
    """Retries while another connection writes. Raises `sqlite3.OperationalError` after `lock_timeout`."""

    def execute(self, query: str, params: Any = None) -> Any:
        return retry_while_busy(lambda: super(Cursor, self).execute(query, params))

    def executemany(self, query: str, param_list: Any) -> Any:
        rows = list(param_list)  # the first attempt would use up an iterator
        return retry_while_busy(lambda: super(Cursor, self).executemany(query, rows))


def retry_while_busy(run: Callable[[], Any]) -> Any:
    """Returns what ``run()`` returns. Raises the last error of SQLite after `lock_timeout`."""
    pause, deadline = MIN_PAUSE, time.monotonic() + lock_timeout.get()
    while True:
        try:
            return run()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in BUSY or time.monotonic() > deadline:
                raise
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 1.5, MAX_PAUSE)
