"""Django's PostgreSQL backend whose pool notices at once that the database was restarted: psycopg's own check waits a
second and more between two dead connections."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A new connection; with a pool, one of it that is not closed. Raises `psycopg.OperationalError`."""
        connection = super().get_new_connection(conn_params)
        pool = self.pool
        if pool is None or not is_closed(connection):
            return connection
        pool.putconn(connection)
        pool.check()  # the others are probably closed, too
        return super().get_new_connection(conn_params)


def is_closed(connection: Connection[Any]) -> bool:
    """Whether the other side has closed the connection. Does not wait for it."""
    with suppress(OperationalError):
        connection.pgconn.consume_input()  # why it was closed, if PostgreSQL says so
        connection.pgconn.consume_input()  # its end
    return connection.closed
