"""What the monitoring page shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings

from core import metrics, one_at_a_time
from core.redis import redis
from monitor import figures, health, hour, workers
from monitor.checks import Check, answers
from monitor.figures import Consumer, Figures
from monitor.messages import problems
from monitor.queues import Waiting
from monitor.topics import version
from monitor.workers import Process, State
from outbox.outcome import Status

CHECKS: dict[str, Check[Any]] = {
    "hour": Check(metrics.last_hour),
    "problems": Check(problems),
    "locks": Check(lambda: one_at_a_time.holders(redis())),
}


class QueueRow(NamedTuple):
    name: str
    waiting: Waiting | None
    consumer: Consumer | None
    state: State | None


def context() -> dict[str, Any]:
    number = version()  # first, so that what changes meanwhile is fetched again
    found = figures.read()
    parts, known = health.check()
    more = answers(CHECKS, figures.DEADLINE)
    queues = _queues(found)
    beat = None if found.reports is None else workers.beat_state(found.reports)
    states = {row.name: row.state for row in queues} | {"beat": beat}
    return {
        "version": number,
        "wrong": {name: state.text for name, state in states.items() if state and not state.good}
        | {name: state for name, state in parts.items() if state != "ok"},
        "drift": known["drift"],
        "queues": queues,
        "workers": workers.workers(found.reports or []),
        "web": workers.web_processes(found.reports or []),
        "beat": beat,
        "schedule": [(entry.task, _datetime(entry.last_run)) for entry in figures.schedule(found)],
        "backup": found.backup,
        "backup_at": _datetime(found.backup.at) if found.backup else None,
        "keeps_backups": settings.BACKUPS_KEPT > 0,
        "charts": hour.charts(more["hour"], found.waiting or []) if more["hour"] else [],
        "undelivered": [(Status(name).label, number) for name, number in (found.messages or {}).items()],
        "problems": more["problems"] or [],
        "locks": more["locks"] or [],
        "redis": found.reports is not None,
    }


def _queues(found: Figures) -> list[QueueRow]:
    running = None if found.reports is None else workers.workers(found.reports)
    waiting = {queue.name: queue for queue in found.waiting or []}
    consumers = {consumer.queue: consumer for consumer in found.consumers or []}
    return [
        QueueRow(name, waiting.get(name), consumer, _state(consumer, running))
        for name in dict.fromkeys([*waiting, *consumers])
        for consumer in [consumers.get(name)]
    ]


def _datetime(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _state(consumer: Consumer | None, running: list[Process] | None) -> State | None:
    """None: nobody knows, or nothing is taken from this queue by a worker of its own."""
    return None if consumer is None or running is None else workers.queue_state(consumer, running)
