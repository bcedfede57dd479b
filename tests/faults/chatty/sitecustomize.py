"""Python runs this at its start if its folder is in PYTHONPATH: the web process prints lines without end. After the
first 4000, more than a pipe and the queue of the runner hold, it creates the file CHATTY."""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time
from pathlib import Path
from typing import Any


def chat(path: Path) -> None:
    for number in range(1_000_000):
        print(f"line {number} {'x' * 80}", flush=True)  # noqa: T201
        if number == 4000:
            path.touch()
        time.sleep(0.001)


def start(command: str) -> None:
    if "live.servers.daphne" in command:
        threading.Thread(target=chat, args=[Path(os.environ["CHATTY"])], daemon=True).start()


def run_module(name: str, **options: Any) -> Any:
    """What a process of the fork server runs."""
    start(name)
    return original(name, **options)


original = runpy.run_module
if os.environ.get("CHATTY"):
    start(" ".join(sys.orig_argv))
    runpy.run_module = run_module  # type: ignore[assignment]
