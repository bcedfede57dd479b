"""The newest run of each lesson: a file in DATA_DIR/lessons, which the page reads. One lesson runs at a time: two would
disturb each other's times."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_noop

from monitor.lessons.results import Result, Text

NEW, RUNNING, DONE, FAILED = "new", "running", "done", "failed"
PATIENCE = 1.0  # seconds; whoever looks whether a lesson runs holds the lock for a moment
ENDED = Text(gettext_noop("The lesson was stopped before its end."))


class Busy(Exception):
    """A lesson is running."""


@dataclass
class State:
    status: str = NEW
    version: int = 0  # microseconds since 1970, so that a later run has a higher one
    reports: list[Text] = field(default_factory=list)
    result: Result | None = None
    error: Text | None = None


def folder() -> Path:
    path: Path = settings.DATA_DIR / "lessons"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


@contextmanager
def lock(seconds: float = PATIENCE) -> Iterator[int]:
    """Locks the lessons until the end of the block, or, if the file descriptor is passed on to a process, until that
    has ended too. Raises `Busy`."""
    descriptor = os.open(folder() / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + seconds
        while not _locked(descriptor):
            if time.monotonic() >= end:
                raise Busy
            time.sleep(0.02)
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_any_running() -> bool:
    try:
        with lock(0):
            return False
    except Busy:
        return True


def read(name: str) -> State:
    """The state of this lesson. One that was killed has failed."""
    try:
        data = json.loads((folder() / f"{name}.json").read_text())
        state = State(
            data["status"],
            data["version"],
            [Text(*report) for report in data["reports"]],
            data["result"] and Result.from_json(data["result"]),
            data["error"] and Text(*data["error"]),
        )
    except (OSError, ValueError, TypeError, KeyError):  # also a file of another version of this program
        return State()
    if state.status == RUNNING and not is_any_running():
        state.status, state.error = FAILED, ENDED
    return state


def write(name: str, state: State) -> None:
    """Stores the state with a new version. Whoever reads sees the old one or the new one."""
    state.version = max(state.version + 1, time.time_ns() // 1000)
    temporary = folder() / f"{name}.json.{os.getpid()}"
    temporary.write_text(json.dumps(asdict(state)))
    temporary.rename(folder() / f"{name}.json")
