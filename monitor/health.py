"""``/healthz/`` for load balancers, `project.run` and people: does everything work? ``/livez/`` for supervisors: does
this process answer?

The response does not wait for any check longer than `DEADLINE`, so there is one within two seconds whatever hangs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from core.heartbeats import beat_problem, has_worker
from core.models import Version
from core.redis import redis
from likes.tasks import DRIFT_KEY
from live.hub import seconds_without_broadcast
from monitor.checks import Check, results
from monitor.queues import waiting

DEADLINE = 1.5  # seconds for all checks together
WRITE_EVERY = 5  # seconds between two writes of the probe
MAX_SILENCE = 20  # seconds that a broadcast may take to come round


def health_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Responds before sessions, accounts and views, which all may wait for the database."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        match request.path:
            case "/livez/":
                return HttpResponse("ok", content_type="text/plain", headers={"Cache-Control": "no-store"})
            case "/healthz/":
                return healthz()
        return get_response(request)

    return middleware


def healthz() -> JsonResponse:
    """200 if everything works, else 503. Each part is "ok" or says what is wrong."""
    parts, drift = check()
    healthy = all(part == "ok" for part in parts.values())
    content = {"status": "ok" if healthy else "unhealthy", **parts, "drift": drift}
    status = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse(content, status=status, headers={"Cache-Control": "no-store"})


def check() -> tuple[dict[str, str], int | None]:
    """The parts by name, and the drift that the last recount found, if there has been one."""
    parts = {name: _part(result) for name, result in results(CHECKS, DEADLINE).items()}
    drift = parts.pop("drift")
    return parts, int(drift) if drift.isdecimal() else None


def _part(result: str | Exception) -> str:
    if isinstance(result, TimeoutError):
        return f"no answer in {DEADLINE} s"
    return type(result).__name__ if isinstance(result, Exception) else result or "ok"


class Database:
    """Reads, and from time to time writes: a database may be locked, read-only or full."""

    written = 0.0  # when the probe was written last

    def __call__(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if time.monotonic() - self.written > WRITE_EVERY:
            Version.increase("health")
            self.written = time.monotonic()
        return ""


def _broadcast() -> str:
    silence = seconds_without_broadcast()
    return f"nothing has come round for {silence:.0f} s" if silence > MAX_SILENCE else ""


def _workers() -> str:
    missing = [queue.name for queue in settings.CELERY_TASK_QUEUES if not has_worker(queue.name)]
    return f"no worker for {', '.join(missing)}" if missing else ""


def _pending() -> str:
    late = [queue for queue in waiting() if queue.late]
    return ", ".join(f"{queue.name}: waiting for {queue.oldest.total_seconds():.0f} s" for queue in late)


def _drift() -> str:
    """What the last recount had to correct, if there has been one."""
    drift = redis().get(DRIFT_KEY)
    return "" if drift is None else str(int(drift))


CHECKS: dict[str, Check[str]] = {
    "database": Check(Database()),
    "redis": Check(lambda: "" if redis().ping() else "no answer"),
    "broadcast": Check(_broadcast),
    "workers": Check(_workers),
    "beat": Check(beat_problem),
    "pending": Check(_pending),
    "drift": Check(_drift),
}
