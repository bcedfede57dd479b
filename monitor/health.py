"""``/healthz/`` for people and monitoring: does everything work? ``/readyz/`` for load balancers: can this process
respond to requests? ``/livez/`` for supervisors: does it answer at all?

The response does not wait for any check longer than `DEADLINE`, so there is one within two seconds whatever hangs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from core.heartbeats import beat_problem, has_worker
from core.models import Version
from core.redis import redis
from likes.tasks import DRIFT_KEY
from live.hub import seconds_without_broadcast
from monitor import peers, prepared
from monitor.checks import Check, results
from monitor.queues import waiting

DEADLINE = 1.5  # seconds for all checks together
WRITE_EVERY = 5  # seconds between two writes of the probe
MAX_SILENCE = 20  # seconds that a broadcast may take to come round


def health_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Responds before sessions, accounts and views, which all may wait for the database."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        match request.path:  # for any host: load balancers know only an address
            case "/livez/":
                return HttpResponse("ok", content_type="text/plain", headers={"Cache-Control": "no-store"})
            case "/healthz/":
                return healthz()
            case "/readyz/":
                return readyz()
        return get_response(request)

    return middleware


def healthz() -> JsonResponse:
    """200 if everything works, else 503. Each part is "ok" or says what is wrong."""
    return _response(*check())


def readyz() -> JsonResponse:
    """The same for what this process needs to respond: others may be broken meanwhile."""
    return _response(_parts(results(READY, DEADLINE)), {})


def _response(parts: dict[str, str], figures: dict[str, Any]) -> JsonResponse:
    healthy = all(part == "ok" for part in parts.values())
    content = {"status": "ok" if healthy else "unhealthy", **parts, **figures}
    status = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse(content, status=status, headers={"Cache-Control": "no-store"})


def check() -> tuple[dict[str, str], dict[str, Any]]:
    """The parts by name, and figures that are neither good nor bad by themselves; None: not known."""
    found = results(CHECKS | FIGURES, DEADLINE)
    figures = {name: found.pop(name) for name in FIGURES}
    known = {name: None if isinstance(value, Exception) else value for name, value in figures.items()}
    return _parts(found), known


def _parts(found: dict[str, Any]) -> dict[str, str]:
    return {name: _part(result) for name, result in found.items()}


def _part(result: str | Exception) -> str:
    if isinstance(result, TimeoutError):
        return f"no answer in {DEADLINE} s"
    return type(result).__name__ if isinstance(result, Exception) else result or "ok"


def _read() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


class Database:
    """Reads, and from time to time writes: a database may be locked, read-only or full."""

    written = 0.0  # when the probe was written last

    def __call__(self) -> str:
        _read()
        if time.monotonic() - self.written > WRITE_EVERY:
            Version.increase("health")
            self.written = time.monotonic()
        return ""


def _broadcast() -> str:
    silence = seconds_without_broadcast()
    return f"nothing has come round for {silence:.0f} s" if silence > MAX_SILENCE else ""


def _workers() -> str:
    missing = [queue.name for queue in settings.CELERY_TASK_QUEUES if not has_worker(queue.name)]
    return f"no worker for {', '.join(missing)}" if missing else peers.silent_workers()


def _pending() -> str:
    late = [queue for queue in waiting() if queue.late]
    return ", ".join(f"{queue.name}: waiting for {queue.oldest.total_seconds():.0f} s" for queue in late)


def _drift() -> int | None:
    """What the last recount had to correct, if there has been one."""
    drift = redis().get(DRIFT_KEY)
    return None if drift is None else int(drift)


CHECKS: dict[str, Check[str]] = {
    "database": Check(Database()),
    "redis": Check(lambda: "" if redis().ping() else "no answer"),
    "broadcast": Check(_broadcast),
    "workers": Check(_workers),
    "beat": Check(beat_problem),
    "pending": Check(_pending),
    "prepared": Check(prepared.Migrations()),
    "static": Check(prepared.static_files),
    "secret_key": Check(peers.different_key),
    "release": Check(peers.different_release),
}
FIGURES: dict[str, Check[Any]] = {"drift": Check(_drift), "workers_by_queue": Check(peers.workers_by_queue)}
READY = {"database": Check(_read), "prepared": CHECKS["prepared"], "static": CHECKS["static"]}
