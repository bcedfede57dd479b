"""Tells a supervisor that this process is alive, as systemd's watchdog expects it (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any, NamedTuple

INTERVAL = 2.0  # seconds
MAX_TASK = 70.0  # seconds; Celery's time limit has ended a task by then, but not in the pools without processes


class Running(NamedTuple):
    name: str
    started: float  # by the monotonic clock


PAUSE = "X_REDHEART_PAUSE="  # and the name of a process, which the supervisor then stops for some seconds
running: dict[str, Running] = {}  # the tasks that this process runs, by id


def has_supervisor() -> bool:
    return bool(os.environ.get("NOTIFY_SOCKET"))


def ping() -> None:
    """The first one also says that the process has started, which systemd waits for."""
    notify("READY=1\nWATCHDOG=1")


def notify(text: str) -> None:
    """Does nothing without a supervisor that listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor, suppress(OSError):
        supervisor.setblocking(False)
        supervisor.sendto(text.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)


def task_started(task_id: str, task: Any, **_: object) -> None:
    running[task_id] = Running(task.name, time.monotonic())


def task_ended(task_id: str, **_: object) -> None:
    running.pop(task_id, None)


def hangs() -> bool:
    """Whether a task of this process runs longer than any may."""
    return any(time.monotonic() - task.started > MAX_TASK for task in [*running.values()])


def start() -> None:
    """Pings from a thread, which stops with the process, unless a task hangs. Children that it forks do not ping."""
    threading.Thread(target=_ping_forever, name="watchdog", daemon=True).start()


def _ping_forever() -> None:
    while True:
        if not hangs():
            ping()
        time.sleep(INTERVAL)
