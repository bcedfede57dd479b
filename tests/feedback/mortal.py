"""A mail worker that is killed once, at a given step: ``DIE_AT=exposed celery -A tests.feedback.mortal worker``.

``DIE=child`` kills the process that holds the mail, ``DIE=worker`` all of the worker at once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from celery.signals import worker_process_init

from project.celery import app

__all__ = ["app"]
STEPS = ("asked", "claimed", "connected", "exposed", "answered", "settled")


def die(step: str) -> None:
    from core.redis import redis

    if step == os.environ.get("DIE_AT") and redis().set("died", step, nx=True):
        if os.environ["DIE"] == "worker":
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def between(before: str, work: Callable[..., Any], after: str) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        die(before)
        result = work(*args, **kwargs)
        die(after)
        return result

    return wrapped


@worker_process_init.connect
def be_mortal(**_: Any) -> None:
    from feedback.outbox import Mail
    from notifications.models import Delivery

    row: Any
    for row in (Mail, Delivery):
        row.claim = between("asked", row.claim, "claimed")
        row.mark_handed_over = between("connected", row.mark_handed_over, "exposed")
        row.settle = between("answered", row.settle, "settled")
