"""What the reports of the processes say about workers, queues and web processes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.translation import gettext as _

from core.processes import Report
from monitor.figures import SILENT, Consumer, Figures

NO_TASKS = 7.0  # seconds after which a worker should have taken a task: each gets one every `heartbeats.INTERVAL`


class Task(NamedTuple):
    id: str
    name: str
    seconds: float


class Worker(NamedTuple):
    name: str
    queues: list[str]
    processes: str  # how many and of which pool
    tasks: list[Task]  # that run now
    silence: float

    @property
    def answers(self) -> bool:
        return self.silence < SILENT


class QueueState(NamedTuple):
    text: str
    good: bool


def workers(reports: Iterable[Report]) -> list[Worker]:
    """One for each name: a silent one whose place another has got under the same name is left out."""
    by_name: dict[str, Report] = {}
    tasks: dict[str, list[Task]] = {}
    for report in sorted(reports, key=lambda report: -report.silence):
        if report.role == "worker":
            by_name[report.data["worker"]] = report
        if report.role in ("worker", "pool"):
            tasks.setdefault(report.data["worker"], []).extend(Task(**task) for task in report.data["tasks"])
    return [
        Worker(name, data["queues"], f"{data['size']} · {data['pool']}", tasks[name], silence)
        for name, (_, _, silence, data) in sorted(by_name.items())
    ]


def web_processes(reports: Iterable[Report]) -> list[Report]:
    return [report for report in reports if report.role == "web"]


def queue_state(consumer: Consumer, found: list[Worker]) -> QueueState:
    """Whether a worker takes tasks from the queue, as a visitor of the page reads it."""
    consuming = [worker for worker in found if consumer.queue in worker.queues]
    if not any(worker.answers for worker in consuming):
        return QueueState(_("The worker doesn't respond") if consuming else _("No worker"), False)
    if consumer.silence is not None and consumer.silence < NO_TASKS:
        return QueueState(_("Running"), True)
    if any(worker.tasks for worker in consuming):
        return QueueState(_("Busy"), True)
    if consumer.silence is None:
        return QueueState(_("Takes no tasks"), False)
    return QueueState(_("No task taken for %(seconds)d s") % {"seconds": consumer.silence}, False)


def beat_state(found: Figures) -> QueueState:
    beats = [report for report in found.reports or [] if report.role == "beat" and report.silence < SILENT]
    if len(beats) > 1:
        return QueueState(_("%(number)d beats run: stop all but one") % {"number": len(beats)}, False)
    return QueueState(_("Running"), True) if beats else QueueState(_("No beat runs"), False)
