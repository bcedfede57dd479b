"""What the processes of `project.run` say, on one terminal. A terminal that nobody reads must not stop the site, so a
thread prints, and lines that find no room are counted instead."""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import UTC, datetime
from queue import Full, Queue

from core.clock import log_time
from project import env

COLORS = {
    "redis": 35,
    "fork-server": 37,
    "web": 36,
    "worker-likes": 31,
    "worker-mail": 33,
    "worker-deliveries": 32,
    "beat": 34,
}
MAX_LINES = 1000
DROPPED = "%d lines were dropped, because nobody read them"
lines: Queue[str] = Queue(MAX_LINES)
dropped = 0


def log(name: str, text: str) -> None:
    """A line of ours about a process."""
    copy(name, text if as_json() else log_time(time.time()) + text)


def copy(name: str, text: str) -> None:
    """A line that a process has printed."""
    if as_json():
        if text.strip():
            say(to_json(name, text))
        return
    color = f"\033[{COLORS.get(name, 0)}m" if sys.stdout.isatty() else ""
    say(f"{color}{name:<17}{color and chr(27) + '[0m'} {text}")


def as_json() -> bool:
    return env.text("LOG_FORMAT").lower() == "json"


def to_json(name: str, text: str) -> str:
    """An object that names the process. What is no object yet, such as a traceback at the start, becomes a message."""
    if text.startswith('{"'):
        return f'{{"process": "{name}", {text[1:]}'
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"process": name, "time": now, "level": "info", "message": text})


def notice(text: str) -> None:
    """A sentence of `project.run` for whoever reads the terminal."""
    say(to_json("run", text) if as_json() else f"\n  {text}\n")


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
            say(to_json("run", DROPPED % count) if as_json() else f"({DROPPED % count})")
        lines.task_done()


def finish(seconds: float = 1.0) -> None:
    """Waits until all is printed, but not for a terminal that nobody reads."""
    done = threading.Thread(target=lines.join, daemon=True)
    done.start()
    done.join(seconds)
