"""Runs a lesson and stores its progress, so that its page can follow."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

from django.conf import settings
from django.utils.translation import gettext_noop

from live.broadcast import broadcast
from monitor import topics
from monitor.lessons import state
from monitor.lessons.registry import lesson
from monitor.lessons.results import Result, Text
from monitor.lessons.state import State


def start(name: str) -> None:
    """Starts the lesson in a process of its own, which gets the lock of this one. Raises `state.Busy`."""
    with state.lock() as descriptor:
        state.write(name, State(state.RUNNING))
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "monitor.lessons", name, "--lock"],
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[descriptor],
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # else it would remain as a zombie


def run(name: str, show: Callable[[Text], None]) -> Result:
    """Runs the lesson in this process. Every way of ending is stored."""
    progress = State(state.RUNNING)

    def save() -> None:
        state.write(name, progress)
        broadcast([topics.lesson_event(name)])

    def report(text: Text) -> None:
        show(text)
        progress.reports.append(text)
        save()

    save()
    try:
        progress.result = lesson(name).run(report)
        progress.status = state.DONE
    except BaseException as error:  # also Ctrl-C
        progress.status, progress.error = state.FAILED, describe(error)
        raise
    finally:
        save()
    return progress.result


def describe(error: BaseException) -> Text:
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return state.ENDED
    return Text(gettext_noop("The lesson failed: %(error)s"), {"error": f"{type(error).__name__}: {error}"})
