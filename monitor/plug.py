"""Development: stops a part of the site for ten seconds, to see what happens then."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from core import watchdog
from live.broadcast import close_sockets

PROCESSES = {  # of the Procfile
    "worker-likes": _("Stop the likes worker"),
    "worker-mail": _("Stop the mail worker"),
    "worker-deliveries": _("Stop the deliveries worker"),
    "redis": _("Stop Redis"),
}
SOCKETS = "sockets"


def context() -> dict[str, Any]:
    """Only `make run` can stop processes, because it starts them again."""
    can_stop = watchdog.has_supervisor()
    parts = (PROCESSES if can_stop else {}) | {SOCKETS: _("Disconnect all pages")}
    return {"can_stop": can_stop, "plugs": parts.items()}


def unplug(*, part: str) -> bool:
    """False: there is no such part, or it cannot be stopped."""
    if part == SOCKETS:
        return close_sockets()
    if part in PROCESSES and watchdog.has_supervisor():
        watchdog.notify(watchdog.PAUSE + part)
        return True
    return False
