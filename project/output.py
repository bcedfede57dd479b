"""What the processes of `project.run` say, on one terminal. A terminal that nobody reads must not stop the site, so a
thread prints, and lines that find no room are counted instead."""

from __future__ import annotations

import sys
import threading
from queue import Full, Queue

COLORS = {"redis": 35, "web": 36, "worker-likes": 31, "worker-mail": 33, "worker-deliveries": 32, "beat": 34}
MAX_LINES = 1000
lines: Queue[str] = Queue(MAX_LINES)
dropped = 0


def log(name: str, text: str) -> None:
    color = f"\033[{COLORS.get(name, 0)}m" if sys.stdout.isatty() else ""
    say(f"{color}{name:<17}{color and chr(27) + '[0m'} {text}")


def say(text: str) -> None:
    global dropped
    try:
        lines.put_nowait(text)
    except Full:
        dropped += 1


def start() -> None:
    threading.Thread(target=_print, daemon=True).start()


def _print() -> None:
    global dropped
    while True:
        print(lines.get(), flush=True)
        if dropped and lines.empty():
            count, dropped = dropped, 0
            print(f"({count} lines were dropped, because nobody read them)", flush=True)
        lines.task_done()


def finish(seconds: float = 1.0) -> None:
    """Waits until all is printed, but not for a terminal that nobody reads."""
    done = threading.Thread(target=lines.join, daemon=True)
    done.start()
    done.join(seconds)
