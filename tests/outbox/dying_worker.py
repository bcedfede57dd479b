"""A worker of the mail queue that is killed once, at a given step of a message:
``DIE_AT=claimed celery -A tests.outbox.dying_worker worker``.

``DIE=child`` kills the process that has the message, ``DIE=worker`` all processes of the worker.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from celery.signals import worker_process_init

from project.celery import app

__all__ = ["app"]
STEPS = ("due", "claimed", "connected", "handed_over", "responded", "settled")


def die(step: str) -> None:
    from core.redis import redis

    if step == os.environ.get("DIE_AT") and redis().set("died", step, nx=True):
        if os.environ["DIE"] == "worker":
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def dying(before: str, function: Callable[..., Any], after: str) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        die(before)
        result = function(*args, **kwargs)
        die(after)
        return result

    return wrapped


@worker_process_init.connect
def patch_steps(**_: Any) -> None:
    from outbox import sending
    from outbox.models import OutboxMessage

    steps: Any = sending
    steps._claim = dying("due", sending._claim, "claimed")
    OutboxMessage.mark_handed_over = dying("connected", OutboxMessage.mark_handed_over, "handed_over")  # type: ignore[method-assign]
    steps._settle = dying("responded", sending._settle, "settled")
