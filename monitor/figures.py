"""What /metrics and the monitoring page show. Each group is read from the database or from Redis alone, so that one
that is down takes nothing from the other."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Count
from django_celery_beat.models import PeriodicTask

from core import heartbeats, metrics, processes
from core.data_care import backup
from core.data_care.backup import Backup
from core.enqueue import depth
from core.processes import Report
from monitor import queues
from monitor.checks import Check, answers
from outbox.models import OutboxMessage
from outbox.outcome import PROBLEMS

DEADLINE = 1.5  # seconds
SILENT = 5.0  # seconds after which a process or the worker of a queue should have reported


class Consumer(NamedTuple):
    queue: str
    silence: float | None  # seconds since a worker took a task from the queue; None: longer than `heartbeats.EXPIRES`
    messages: int  # in the broker


class Figures(NamedTuple):
    """None: the database or Redis does not answer."""

    waiting: list[queues.Waiting] | None
    consumers: list[Consumer] | None
    reports: list[Report] | None
    totals: metrics.Counts | None
    messages: dict[str, int] | None  # how many are retried, have failed or are unknown
    entries: list[PeriodicTask] | None  # of beat
    backup: Backup | None  # also None: there was none yet


def read() -> Figures:
    """Within `DEADLINE`, whatever hangs."""
    return Figures(**answers(CHECKS, DEADLINE))


def _consumers() -> list[Consumer]:
    names = [queue.name for queue in settings.CELERY_TASK_QUEUES]
    return [Consumer(name, heartbeats.worker_silence(name), depth(name)) for name in names]


def _messages() -> dict[str, int]:
    rows = OutboxMessage.objects.filter(status__in=PROBLEMS).order_by().values("status").annotate(number=Count("*"))
    return dict.fromkeys(map(str, PROBLEMS), 0) | {row["status"]: row["number"] for row in rows}


CHECKS: dict[str, Check[Any]] = {
    "waiting": Check(queues.waiting),
    "consumers": Check(_consumers),
    "reports": Check(processes.reports),
    "totals": Check(metrics.totals),
    "messages": Check(_messages),
    "backup": Check(backup.latest),
    "entries": Check(lambda: list(PeriodicTask.objects.select_related("interval", "crontab").order_by("name"))),
}


class Entry(NamedTuple):
    """One entry of beat's schedule."""

    task: PeriodicTask
    last_run: float | None  # in seconds since 1970


def schedule(found: Figures) -> list[Entry]:
    """The last runs are those that beat reports; without a report, those that it has stored some minutes ago."""
    runs = {name: at for report in found.reports or [] for name, at in report.data.get("last_runs", {}).items()}
    return [Entry(task, runs.get(task.name) or _timestamp(task.last_run_at)) for task in found.entries or []]


def _timestamp(at: datetime | None) -> float | None:
    return at.timestamp() if at else None
