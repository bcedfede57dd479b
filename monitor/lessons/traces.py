"""What happened to each task of a run: when a worker received, started and ended it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from monitor.lessons.results import Bar
from monitor.lessons.workers import Event

SHORTEST_WAIT = 0.05  # seconds; a shorter one is not drawn


@dataclass
class Trace:
    """One attempt of a task. Times are seconds after the start."""

    label: str
    worker: str = ""
    received: float = 0
    started: float = 0
    ended: float = 0
    state: str = ""  # Celery's

    @property
    def waited(self) -> float:
        """How long a worker held the task before it started."""
        return self.started - self.received

    def waited_for(self, other: Trace) -> bool:
        """Did the same worker receive this task before the other one had ended, and start it afterwards?"""
        return self.worker == other.worker and self.received < other.ended <= self.started


def traces(events: Iterable[Event], labels: Mapping[str, str], start: float) -> list[Trace]:
    """The attempts of the tasks with these ids that have ended, in the order of ``labels``."""
    found: dict[str, list[Trace]] = {task_id: [] for task_id in labels}
    for event in events:
        attempts = found.get(event.get("task", ""))
        if attempts is None:
            continue
        at = event["at"] - start
        if event["event"] == "received":
            attempts.append(Trace(labels[event["task"]], event["worker"], at))
        elif event["event"] == "started":
            next(attempt for attempt in attempts if not attempt.started).started = at
        elif event["event"] == "ended":  # the message of a retry may have been received before
            attempt = next(attempt for attempt in attempts if not attempt.state)
            attempt.ended, attempt.state = at, event["state"]
    return [attempt for attempts in found.values() for attempt in attempts if attempt.state]


def bars(found: Iterable[Trace], *, long: float = inf) -> list[Bar]:
    """A bar for each task that ran, and one for each that waited in a worker. ``long``: seconds of a long one."""
    drawn = []
    for trace in found:
        style = "short" if trace.ended - trace.started < long else "long"
        if trace.state != "SUCCESS":
            style = "failed"
        drawn.append(Bar(trace.worker, trace.label, trace.started, trace.ended, style))
        if trace.waited >= SHORTEST_WAIT:
            drawn.append(Bar(trace.worker, trace.label, trace.received, trace.started, "waiting"))
    return drawn
