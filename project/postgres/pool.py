"""The pool of connections of a web process: requests share them, because each page view with a connection of its own
would use up the connections of PostgreSQL."""

from __future__ import annotations

from typing import Any

from psycopg import OperationalError
from psycopg_pool import ConnectionPool

MIN_SIZE, MAX_SIZE = 2, 12  # connections
TIMEOUT = 10  # seconds that a request waits for one


def options() -> dict[str, Any]:
    """The pool option of DATABASES. A connection that cannot be opened is not tried again by itself, but for the next
    request."""
    sizes = {"min_size": MIN_SIZE, "max_size": MAX_SIZE, "timeout": TIMEOUT}
    return {**sizes, "reconnect_timeout": 0, "reconnect_failed": refuse_waiting}


def refuse_waiting(pool: ConnectionPool[Any]) -> None:
    """Called when a connection could not be opened: if the pool has no other one, nobody needs to wait for it."""
    with pool._lock:
        waiting = [] if pool.get_stats()["pool_size"] else [*pool._waiting]
    for client in waiting:
        client.fail(OperationalError("The database cannot be reached."))
