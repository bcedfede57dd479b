"""Tells a supervisor that this process is alive, as systemd's watchdog expects it (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress

INTERVAL = 2.0  # seconds
MAX_TASK = 70.0  # seconds; Celery's time limit has ended a task by then, but not in the pools without processes

running: dict[str, float] = {}  # the tasks that this process runs, and when each was started


def ping() -> None:
    """Does nothing without a supervisor that listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, suppress(OSError):
        notify.setblocking(False)
        notify.sendto(b"WATCHDOG=1", address.replace("@", "\0", 1) if address.startswith("@") else address)


def task_started(task_id: str, **_: object) -> None:
    running[task_id] = time.monotonic()


def task_ended(task_id: str, **_: object) -> None:
    running.pop(task_id, None)


def hangs() -> bool:
    """Whether a task of this process runs longer than any may."""
    return any(time.monotonic() - started > MAX_TASK for started in [*running.values()])


def start() -> None:
    """Pings from a thread, which stops with the process, unless a task hangs. Children that it forks do not ping."""
    threading.Thread(target=_ping_forever, name="watchdog", daemon=True).start()


def _ping_forever() -> None:
    while True:
        if not hangs():
            ping()
        time.sleep(INTERVAL)
