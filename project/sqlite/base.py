"""Django's SQLite backend, with a quicker wait for one's turn to write.

SQLite's own waiting sleeps for up to 100 ms between two looks at the lock. With a web process and a worker that each
hold it for a millisecond, that wait is most of what a click takes.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.backends.sqlite3 import base

SHORTEST, LONGEST = 0.0003, 0.004  # seconds between two looks
PATIENCE = 10.0  # seconds until "database is locked" is an error after all
# Another writes, or brings the file in order after a crash. SQLITE_BUSY_SNAPSHOT is left out: it never gets better.
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        connection = super().get_new_connection(conn_params)  # opening a database still waits as SQLite does
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    @property
    def queries_logged(self) -> bool:
        """Whether `connection.queries` is kept: with LOG_QUERIES=1, and where a test counts. Not always with DEBUG,
        because Django runs a second statement after each, to log the first."""
        return self.force_debug_cursor or settings.LOG_QUERIES

    def create_cursor(self, name: str | None = None) -> Cursor:
        return self.connection.cursor(factory=Cursor)


class Cursor(base.SQLiteCursorWrapper):
    """Raises `sqlite3.OperationalError` when another has been writing for ten seconds."""

    def execute(self, query: str, params: Any = None) -> Any:
        return patiently(lambda: super(Cursor, self).execute(query, params))

    def executemany(self, query: str, param_list: Any) -> Any:
        rows = list(param_list)  # an iterator would be used up by the first try
        return patiently(lambda: super(Cursor, self).executemany(query, rows))


def patiently(run: Callable[[], Any]) -> Any:
    pause, deadline = SHORTEST, time.monotonic() + PATIENCE
    while True:
        try:
            return run()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in BUSY or time.monotonic() > deadline:
                raise
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 1.5, LONGEST)
