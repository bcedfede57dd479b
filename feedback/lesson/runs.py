"""The lesson of the user's document, run live: the same slow mail inside the request and through the worker."""

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
    """A new run, whose clock starts now."""
    run = str(uuid4())
    note(run, began=time.time())
    return run


def note(run: str, **times: float) -> None:
    for name, at in times.items():
        redis().hset(_key(run), name, str(at))
    redis().expire(_key(run), KEPT)


def times(run: str) -> dict[str, float]:
    """Seconds after the click: when the page was ``answered``, and when the mail was ``sent``."""
    found = cast(dict[bytes, bytes], redis().hgetall(_key(run)))
    kept = {name.decode(): float(value) for name, value in found.items()}
    began = kept.pop("began", 0)
    return {name: at - began for name, at in kept.items()}


def _key(run: str) -> str:
    return f"redheart:lesson:{run}"
