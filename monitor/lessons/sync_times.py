"""The page of the lesson "In the request or in a worker": the same slow email sent both ways, and their times."""

from __future__ import annotations

import time
from typing import cast

from django.conf import settings
from django.core.mail import get_connection, send_mail

from core.redis import redis

KEPT = 3600  # seconds
WAYS = ("request", "worker")


def send_slowly(to: str) -> None:
    send_mail(
        "Your Feedback",
        "\tThe lesson\n\nThank you!",
        settings.DEFAULT_FROM_EMAIL,
        [to],
        connection=get_connection("monitor.lessons.slow_smtp.EmailBackend"),
    )


def record(run_id: str, event: str) -> None:
    """Stores that this event of the run happens now: ``began``, ``answered`` or ``sent``."""
    redis().hset(_key(run_id), event, str(time.time()))
    redis().expire(_key(run_id), KEPT)


def times(run_id: str) -> dict[str, float]:
    """Seconds after the click until the page was ``answered`` and until the email was ``sent``."""
    found = cast(dict[bytes, bytes], redis().hgetall(_key(run_id)))
    stored = {name.decode(): float(value) for name, value in found.items()}
    began = stored.pop("began", 0)
    return {name: at - began for name, at in stored.items()}


def _key(run_id: str) -> str:
    return f"redheart:lesson:{run_id}"
