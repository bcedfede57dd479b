"""Questions to a database or a Redis that may hang: each is answered in a thread of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Generic, TypeVar

from django.db import connection

from core.database import leave_pool

T = TypeVar("T")
log = logging.getLogger(__name__)


class Check(Generic[T]):
    """A check that hangs is not started again: whoever wants its result waits for the one that runs."""

    def __init__(self, run: Callable[[], T]) -> None:
        self.run, self.lock = run, Lock()
        self.running: Future[T] | None = None

    def start(self) -> Future[T]:
        """The check that is running, or a new one."""
        with self.lock:
            if self.running is None or self.running.done():
                self.running = Future()
                Thread(target=self._run, args=[self.running], daemon=True).start()
            return self.running

    def _run(self, running: Future[T]) -> None:
        leave_pool()
        try:
            running.set_result(self.run())
        except Exception as error:
            running.set_exception(error)
        finally:
            connection.close()


def results(checks: Mapping[str, Check[T]], seconds: float) -> dict[str, T | Exception]:
    """Runs the checks side by side. Returns what each has returned or raised; TimeoutError if one takes longer
    than ``seconds``."""
    end = time.monotonic() + seconds
    running = {name: check.start() for name, check in checks.items()}
    found: dict[str, T | Exception] = {}
    for name, future in running.items():
        try:
            found[name] = future.result(max(0, end - time.monotonic()))
        except Exception as error:  # also TimeoutError
            found[name] = error
    return found


def answers(checks: Mapping[str, Check[T]], seconds: float) -> dict[str, T | None]:
    """The same, with None for what has failed or takes too long; the log says why."""
    found = results(checks, seconds)
    for name, result in found.items():
        if isinstance(result, Exception):
            log.warning("no answer about %s: %r", name, result)
    return {name: None if isinstance(result, Exception) else result for name, result in found.items()}
