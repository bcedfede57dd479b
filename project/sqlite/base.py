"""Django's SQLite backend, with a quicker wait for one's turn to write.

SQLite's own waiting sleeps for up to 100 ms between two looks at the lock. With a web process and a worker that each
hold it for a millisecond, that wait is most of what a click takes.
"""

from __future__ import annotations

import random
import sqlite3
import time
from typing import Any

from django.db.backends.sqlite3 import base

SHORTEST, LONGEST = 0.0003, 0.004  # seconds between two looks
PATIENCE = 10.0  # seconds until "database is locked" is an error after all


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        connection = super().get_new_connection(conn_params)  # opening a database still waits as SQLite does
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    @property
    def queries_logged(self) -> bool:
        """Only where a test counts: with DEBUG Django would run a second statement after each, to log the first."""
        return self.force_debug_cursor

    def create_cursor(self, name: str | None = None) -> Cursor:
        return self.connection.cursor(factory=Cursor)


class Cursor(base.SQLiteCursorWrapper):
    def execute(self, query: str, params: Any = None) -> Any:
        """Raises `sqlite3.OperationalError` when another has been writing for ten seconds."""
        pause, deadline = SHORTEST, time.monotonic() + PATIENCE
        while True:
            try:
                return super().execute(query, params)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 1.5, LONGEST)
