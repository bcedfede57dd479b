"""``/healthz/`` for load balancers, `project.run` and people."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from core.redis import redis
from core.tasks import has_worker
from likes.models import Like
from likes.tasks import DRIFT_KEY
from outbox.models import OutboxMessage

MAX_WAIT = 30  # seconds that a like may be pending
MAX_WAIT_MESSAGE = 300  # seconds that a message may be pending: a slow mail server needs some for each


@require_GET
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 if everything works, else 503. Each part is "ok" or says what is wrong."""
    parts = {
        "database": _check(_database),
        "redis": _check(_redis),
        "workers": _check(_workers),
        "pending": _check(_pending),
    }
    healthy = all(result == "ok" for result in parts.values())
    content = {"status": "ok" if healthy else "unhealthy", **parts, "drift": _drift()}
    return JsonResponse(content, status=200 if healthy else 503)


def _check(check: Callable[[], str | None]) -> str:
    """What the check says is wrong, or the class of what it raises, else "ok"."""
    try:
        return check() or "ok"
    except Exception as error:
        return f"{type(error).__name__}"


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    redis().ping()


def _workers() -> str:
    missing = [queue for queue in ("likes", "mail") if not has_worker(queue)]
    return f"no worker for {', '.join(missing)}" if missing else ""


def _pending() -> str:
    oldest = Like.objects.filter(settled_at=None).order_by("clicked_at").values_list("clicked_at", flat=True).first()
    waited = (timezone.now() - oldest).total_seconds() if oldest else 0
    message_waited = OutboxMessage.lateness().total_seconds()
    late = {
        f"a like has waited for {waited:.0f} s": waited > MAX_WAIT,
        f"a message has waited for {message_waited:.0f} s": message_waited > MAX_WAIT_MESSAGE,
    }
    return ", ".join(text for text, is_late in late.items() if is_late)


def _drift() -> int | None:
    try:
        drift = redis().get(DRIFT_KEY)
    except Exception:
        return None
    return None if drift is None else int(drift)
