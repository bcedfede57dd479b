"""Tells a supervisor that this process is alive, as systemd's watchdog expects it (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress

INTERVAL = 2.0  # seconds


def ping() -> None:
    """Does nothing without a supervisor that listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, suppress(OSError):
        notify.setblocking(False)
        notify.sendto(b"WATCHDOG=1", address.replace("@", "\0", 1) if address.startswith("@") else address)


def start() -> None:
    """Pings from a thread, which stops with the process. Children that it forks do not ping."""
    threading.Thread(target=_ping_forever, name="watchdog", daemon=True).start()


def _ping_forever() -> None:
    while True:
        ping()
        time.sleep(INTERVAL)
