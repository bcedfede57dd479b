"""Python runs this at its start if its folder is in PYTHONPATH: the clock of this process is off by the seconds in the
file CLOCK, from one moment to the next. CLOCK_PARTS names the processes it is for, by words of their command lines."""

from __future__ import annotations

import contextlib
import os
import runpy
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

INTERVAL = 0.2  # seconds


def follow(path: Path) -> None:
    travelling, seen = None, 0.0
    while True:
        with contextlib.suppress(OSError, ValueError):
            offset = float(path.read_text())
            if offset != seen:
                seen = offset
                if travelling:
                    travelling.stop()
                travelling = time_machine.travel(datetime.now(UTC) + timedelta(seconds=offset), tick=True)
                travelling.start()
        time.sleep(INTERVAL)


def start(command: str) -> None:
    if any(part in command for part in os.environ["CLOCK_PARTS"].split(",")):
        threading.Thread(target=follow, args=[Path(os.environ["CLOCK"])], daemon=True).start()


def run_module(name: str, **options: Any) -> Any:
    """What a process of the fork server runs."""
    start(" ".join([name, *sys.argv]))
    return original(name, **options)


original = runpy.run_module
if os.environ.get("CLOCK"):
    start(" ".join(sys.orig_argv))
    runpy.run_module = run_module  # type: ignore[assignment]
