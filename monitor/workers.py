"""What the reports of the processes say about workers, queues and web processes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from core.processes import Report
from monitor.figures import SILENT, Consumer

NO_TASKS = 7.0  # seconds after which a worker should have taken a task: each gets one every `heartbeats.INTERVAL`


class Task(NamedTuple):
    id: str
    name: str
    seconds: float


class Process(NamedTuple):
    """A worker or a web process."""

    name: str
    silence: float
    uptime: int
    tasks: list[Task]  # that it runs now
    data: dict[str, Any]

    @property
    def answers(self) -> bool:
        return self.silence < SILENT

    @property
    def age(self) -> str:
        """How long it has run, in one unit."""
        units = ((86400, _("%d d")), (3600, _("%d h")), (60, _("%d min")), (1, _("%d s")))
        size, text = next(unit for unit in units if self.uptime >= unit[0] or unit[0] == 1)
        return text % (self.uptime // size)


class State(NamedTuple):
    text: str
    good: bool


def workers(reports: Iterable[Report]) -> list[Process]:
    """A silent one that another has replaced is left out."""
    found = sorted((each for each in reports if each.role in ("worker", "pool")), key=lambda each: each.data["worker"])
    tasks = defaultdict[str, list[Task]](list)
    for report in found:
        if report.silence < SILENT:  # a hanging one is not busy
            tasks[report.data["worker"]] += [Task(**task) for task in report.data["tasks"]]
    return [
        Process(name := report.data["worker"], report.silence, report.uptime, tasks[name], report.data)
        for report in found
        if report.role == "worker" and not any(_replaces(other, report) for other in found)
    ]


def _replaces(other: Report, silent: Report) -> bool:
    """Has the other worker been started on the same line of the same machine since this one fell silent?"""
    same_line = other is not silent and other.role == "worker" and line_of(other) == line_of(silent)
    return same_line and silent.silence >= SILENT and other.silence + other.uptime <= silent.silence


def line_of(worker: Report) -> str:
    """``likes@host`` of the worker ``likes-4711@host``."""
    name, _, host = worker.data["worker"].partition("@")
    return f"{name.rpartition('-')[0] or name}@{host}"


def web_processes(reports: Iterable[Report]) -> list[Process]:
    return [Process(r.name, r.silence, r.uptime, [], r.data) for r in reports if r.role == "web"]


def queue_state(consumer: Consumer, found: list[Process]) -> State:
    """Whether a worker takes tasks from the queue, as a visitor of the page reads it."""
    consuming = [worker for worker in found if consumer.queue in worker.data["queues"]]
    if not any(worker.answers for worker in consuming):
        return State(_("The worker doesn't respond") if consuming else _("No worker"), False)
    if consumer.silence is not None and consumer.silence < NO_TASKS:
        return State(_("Running"), True)
    if any(worker.tasks for worker in consuming):
        return State(_("Busy"), True)
    if consumer.silence is None:
        return State(_("Takes no tasks"), False)
    return State(_("No task taken for %(seconds)d s") % {"seconds": consumer.silence}, False)


def beat_state(reports: Iterable[Report]) -> State:
    beats = [report for report in reports if report.role == "beat" and report.silence < SILENT]
    standby = sum(report.data.get("standby", False) for report in beats)
    if standby == len(beats):
        return State(_("Waits for its turn") if beats else _("No beat runs"), False)
    return State(_("Running, %(number)d standby") % {"number": standby} if standby else _("Running"), True)
