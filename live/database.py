"""Reads the database for the sockets: one thread whose connection stays open, one query after the other.

Channels' own `database_sync_to_async` opens a connection for each call, which costs more than the query.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, connection

from core.database import leave_pool

thread = ThreadPoolExecutor(1, thread_name_prefix="live", initializer=leave_pool)
P = ParamSpec("P")
T = TypeVar("T")


async def read(query: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, lambda: _run(query, *args, **kwargs))


def _run(query: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return query(*args, **kwargs)
    except DatabaseError:
        connection.close()  # it may be the cause; the next query opens a new one
        raise
