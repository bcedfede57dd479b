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
from likes.tasks import DRIFT
from outbox.models import OutboxMessage

LATE = 30  # seconds that accepted work may wait before the site counts as unwell
LATE_MAIL = 300  # the same for a mail: each may take the mail server seconds


@require_GET
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while everything works, 503 when a part does not; each part says "ok" or what is wrong."""
    parts = {
        "database": _say(_database),
        "redis": _say(_redis),
        "workers": _say(_workers),
        "pending": _say(_pending),
    }
    well = all(said == "ok" for said in parts.values())
    return JsonResponse({"status": "ok" if well else "unwell", **parts, "drift": _drift()}, status=200 if well else 503)


def _say(look: Callable[[], str]) -> str:
    try:
        return look() or "ok"
    except Exception as error:
        return f"{type(error).__name__}"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _redis() -> str:
    redis().ping()
    return ""


def _workers() -> str:
    missing = [queue for queue in ("likes", "mail") if not has_worker(queue)]
    return f"nobody works on {', '.join(missing)}" if missing else ""


def _pending() -> str:
    oldest = Like.objects.filter(settled_at=None).order_by("clicked_at").values_list("clicked_at", flat=True).first()
    waited = (timezone.now() - oldest).total_seconds() if oldest else 0
    mail = OutboxMessage.lateness().total_seconds()
    late = {
        f"a like has waited for {waited:.0f} s": waited > LATE,
        f"a message has waited for {mail:.0f} s": mail > LATE_MAIL,
    }
    return ", ".join(what for what, is_late in late.items() if is_late)


def _drift() -> int | None:
    try:
        found = redis().get(DRIFT)
    except Exception:
        return None
    return None if found is None else int(found)
