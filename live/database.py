"""Reads the database for the sockets: one thread whose connection stays open, one question after the other.

Channels' own `database_sync_to_async` opens a connection for each question, which costs more than the question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, connection

thread = ThreadPoolExecutor(1, thread_name_prefix="live")
P = ParamSpec("P")
T = TypeVar("T")


async def read(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, lambda: _ask(question, *args, **kwargs))


def _ask(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return question(*args, **kwargs)
    except DatabaseError:
        connection.close()  # it may be why; the next question opens a new one
        raise
