"""Which processes run, and what each does: every process reports itself to Redis every two seconds.

A report expires by itself, and its age is read from its time to live, so that clocks do not matter.

``python -m core.processes`` exits with an error if no process of this machine reports itself: a health check for the
container of a worker or of beat.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from redis import RedisError

from core import metrics, release
from core.redis import redis

INTERVAL = 2.0  # seconds between two reports
EXPIRES = 60  # seconds
MAX_SILENCE = 20  # seconds; then a process may be hanging
NAMES = "redheart:processes"
HOST = socket.gethostname()
log = logging.getLogger(__name__)


class Report(NamedTuple):
    name: str  # host:pid
    role: str  # "web", "worker", "beat", or "pool" for a process that runs tasks for a worker
    silence: float  # seconds since the process has reported
    uptime: int  # seconds that it has run
    data: dict[str, Any]
    release: str = ""  # and the key: to be compared, see `core/release.py`
    secret_key: str = ""


class Reporter:
    def __init__(self, role: str, describe: Callable[[], dict[str, Any]]) -> None:
        """``describe`` returns what the process does now: what JSON can hold."""
        self.role, self.describe = role, describe
        self.name, self.next_at = f"{HOST}:{os.getpid()}", 0.0
        self.started = time.monotonic()

    def start(self) -> Reporter:
        """Reports from a thread, which stops with the process."""
        threading.Thread(target=self._report_forever, name="reports", daemon=True).start()
        atexit.register(self.stop)
        return self

    def _report_forever(self) -> None:
        while True:
            self.report()
            time.sleep(INTERVAL)

    def report_if_due(self) -> None:
        if time.monotonic() >= self.next_at:
            self.next_at = time.monotonic() + INTERVAL
            self.report()

    def report(self) -> None:
        """Never raises: without Redis, what was counted waits for the next report."""
        try:
            same = {"release": release.release(), "secret_key": release.key_fingerprint()}
            uptime = round(time.monotonic() - self.started)
            state = {"role": self.role, "uptime": uptime, **same, **self.describe()}
        except Exception as error:  # a thread that has ended would make the process look as if it hangs
            log.warning("could not describe this process: %r", error)
            return
        pipeline = redis().pipeline()
        counts = metrics.write(pipeline)
        pipeline.set(_key(self.name), json.dumps(state), ex=EXPIRES)
        pipeline.sadd(NAMES, self.name)
        _execute(pipeline, counts)

    def stop(self) -> None:
        """The process ends: nobody waits for its next report."""
        pipeline = redis().pipeline()
        counts = metrics.write(pipeline)
        pipeline.delete(_key(self.name))
        _execute(pipeline, counts)


def _execute(pipeline: Any, counts: metrics.Counts) -> None:
    try:
        pipeline.execute()
    except RedisError:
        metrics.restore(counts)


def reports() -> list[Report]:
    """The latest report of each process, by role and name. Raises `RedisError`."""
    names = sorted(name.decode() for name in cast(set[bytes], redis().smembers(NAMES)))
    pipeline = redis().pipeline(transaction=False)
    for name in names:
        pipeline.get(_key(name))
        pipeline.pttl(_key(name))
    values = pipeline.execute()
    found = []
    for name, text, left in zip(names, values[::2], values[1::2], strict=True):
        if text is None:
            redis().srem(NAMES, name)
            continue
        data = json.loads(text)
        role, uptime, same = (
            data.pop("role"),
            data.pop("uptime", 0),
            (data.pop("release", ""), data.pop("secret_key", "")),
        )
        found.append(Report(name, role, EXPIRES - left / 1000, uptime, data, *same))
    return sorted(found, key=lambda report: (report.role, report.name))


def _key(name: str) -> str:
    return f"redheart:process:{name}"


def is_reporting(host: str) -> bool:
    """Whether a process of this machine has reported itself lately. Raises `RedisError`."""
    return any(report.name.startswith(f"{host}:") and report.silence < MAX_SILENCE for report in reports())


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    if not is_reporting(HOST):
        sys.exit(f"No process of {HOST} has reported itself for {MAX_SILENCE} seconds.")


if __name__ == "__main__":
    main()
