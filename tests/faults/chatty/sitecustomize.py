"""Python runs this at its start if its folder is in PYTHONPATH: the web process prints lines without end. After the
first 4000, more than a pipe and the queue of the runner hold, it creates the file CHATTY."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path


def chat(path: Path) -> None:
    for number in range(1_000_000):
        print(f"line {number} {'x' * 80}", flush=True)  # noqa: T201
        if number == 4000:
            path.touch()
        time.sleep(0.001)


if os.environ.get("CHATTY") and "live.servers.daphne" in " ".join(sys.orig_argv):
    threading.Thread(target=chat, args=[Path(os.environ["CHATTY"])], daemon=True).start()
