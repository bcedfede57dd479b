"""One id through everything. It is bound while a request, a click, a message or a task is handled; every log line of
that has it, and so have the headers of every task that is enqueued meanwhile."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

HEADER = "X-Request-ID"  # of requests and responses
TASK_HEADER = "x-correlation-id"  # of task messages, whose own correlation_id is the id of the task
MAX_LENGTH = 64
VALID = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_LENGTH}}}")

_current: ContextVar[str] = ContextVar("correlation_id", default="")


def current() -> str:
    """The id that is bound; empty if there is none."""
    return _current.get()


def new() -> str:
    return secrets.token_hex(8)


def valid(text: str) -> str:
    """The same text, or an empty one if it is not a valid id."""
    return text if text and VALID.fullmatch(text) else ""


@contextmanager
def bound(correlation_id: str) -> Iterator[None]:
    """Binds an id. An empty one changes nothing."""
    token = _current.set(correlation_id or _current.get())
    try:
        yield
    finally:
        _current.reset(token)


def add_to_task(headers: dict[str, Any], **_: Any) -> None:
    """Receiver of ``before_task_publish``."""
    if correlation_id := _current.get():
        headers[TASK_HEADER] = correlation_id


def of_task(headers: Any, task_id: str) -> str:
    """The id in the headers of a task. A task that nothing caused, as those of beat, has its own id."""
    return headers.get(TASK_HEADER) or task_id


def task_started(task_id: str, task: Any, **_: Any) -> None:
    """Receiver of ``task_prerun``."""
    task.request.correlation_token = _current.set(of_task(task.request, task_id))


def task_ended(task: Any, **_: Any) -> None:
    """Receiver of ``task_postrun``."""
    _current.reset(task.request.correlation_token)
