"""A lesson that runs: the same slow email sent in the request and by a worker, with the times of both."""

from __future__ import annotations

import time
from typing import cast
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from core.redis import redis
from feedback.lesson.slow_smtp import SECONDS

KEPT = 3600  # seconds
WAYS = ("request", "worker")


def send_slowly(to: str) -> None:
    with get_connection("feedback.lesson.slow_smtp.EmailBackend", seconds=settings.SLOW_MAIL or SECONDS) as connection:
        EmailMessage(
            "Your Feedback", "\tThe lesson\n\nThank you!", settings.DEFAULT_FROM_EMAIL, [to], connection=connection
        ).send()


def begin() -> str:
    """Starts a run now. Returns its id."""
    run_id = str(uuid4())
    record(run_id, began=time.time())
    return run_id


def record(run_id: str, **times: float) -> None:
    for name, at in times.items():
        redis().hset(_key(run_id), name, str(at))
    redis().expire(_key(run_id), KEPT)


def times(run_id: str) -> dict[str, float]:
    """Seconds after the click until the page was ``answered`` and until the email was ``sent``."""
    found = cast(dict[bytes, bytes], redis().hgetall(_key(run_id)))
    stored = {name.decode(): float(value) for name, value in found.items()}
    began = stored.pop("began", 0)
    return {name: at - began for name, at in stored.items()}


def _key(run_id: str) -> str:
    return f"redheart:lesson:{run_id}"
