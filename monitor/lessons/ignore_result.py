"""A thousand tasks whose results are kept, and a thousand whose results are ignored: what does that cost?"""

from __future__ import annotations

import time
from typing import NamedTuple

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from redis import Redis

from monitor.lessons import tasks
from monitor.lessons.registry import Report
from monitor.lessons.results import Columns, Result, Table, Text
from monitor.lessons.workers import Run, connect

TITLE = _("ignore_result")
QUESTION = _("What does it cost to keep the result of a task that nobody reads?")
WHY = _(
    "Celery keeps the result of every task unless it is told otherwise: ignore_result is off by default. Who enqueues "
    "a task then subscribes to its result, and the worker stores the return value under a key of its own and publishes "
    "it, so Redis has several more commands for each task. The keys stay for a day. Redheart sets task_ignore_result "
    "and stores what matters in its own rows; only exports, whose progress a page reads, keep a result. The option can "
    "be set for all tasks, for one task, or for one call: apply_async(ignore_result=True)."
)

COUNT = 1000
IDLE = 2.0  # seconds in which the commands of everything else are counted
Commands = dict[str, float]


class Measured(NamedTuple):
    enqueuing: float  # seconds
    working: float  # seconds
    commands: Commands
    keys: int

    @property
    def total(self) -> int:
        return round(sum(self.commands.values()))


def run(report: Report) -> Result:
    with Run() as lesson, connect(settings.CELERY_RESULT_BACKEND) as redis:
        report(Text(gettext_noop("1,000 tasks with their results…")))
        kept = measure(lesson, redis, ignore=False)
        report(Text(gettext_noop("1,000 tasks without results…")))
        ignored = measure(lesson, redis, ignore=True)
    return result(kept, ignored)


def measure(lesson: Run, redis: Redis, *, ignore: bool) -> Measured:
    """Counts what the tasks add to the commands that Redis gets anyway, from the site."""
    first = commands(redis)
    time.sleep(IDLE)
    before, began = commands(redis), time.time()
    nothing, queue = lesson.task(tasks.nothing), lesson.queue("ignored" if ignore else "kept")
    # The results are held: Celery unsubscribes from a result that nobody holds.
    sent = [nothing.apply_async(queue=queue, ignore_result=ignore) for _ in range(COUNT)]
    enqueuing, ids = time.time() - began, {each.id for each in sent}
    with lesson.worker("worker", [queue], prefetch=100):
        events = lesson.wait_for(lambda events: {e["task"] for e in events if e["event"] == "ended"} >= ids, 25)
        after, elapsed = commands(redis), time.time() - began
    times = [event["at"] for event in events if event.get("task") in ids]
    others = {name: (before[name] - first.get(name, 0)) / IDLE * elapsed for name in before}
    added = {name: after[name] - before.get(name, 0) - others.get(name, 0) for name in after}
    worthwhile = {name: count for name, count in added.items() if count >= COUNT / 20}
    return Measured(enqueuing, max(times) - min(times), worthwhile, delete_results(lesson, redis))


def delete_results(lesson: Run, redis: Redis) -> int:
    """Returns how many there were."""
    keys = list(redis.scan_iter(f"{lesson.prefix}:celery-task-meta-*", count=1000))
    return int(redis.delete(*keys)) if keys else 0


def commands(redis: Redis) -> Commands:
    """How often each command has been called, as ``redis-cli INFO commandstats`` shows."""
    stats: dict[str, dict[str, float]] = redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): values["calls"] for name, values in stats.items()}


def result(kept: Measured, ignored: Measured) -> Result:
    both = (kept, ignored)
    names = sorted(kept.commands | ignored.commands, key=lambda name: -kept.commands.get(name, 0))
    counts: list[list[str | Text]] = [
        [name.upper(), *(f"{each.commands.get(name, 0):,.0f}" for each in both)] for name in names
    ]
    rows: list[list[str | Text]] = [
        [Text(gettext_noop("Seconds to enqueue them")), *(f"{each.enqueuing:.2f}" for each in both)],
        [Text(gettext_noop("Seconds of the worker")), *(f"{each.working:.2f}" for each in both)],
        [Text(gettext_noop("Keys left")), *(f"{each.keys:,}" for each in both)],
        [Text(gettext_noop("Redis commands")), *(f"{each.total:,}" for each in both)],
        *counts,
    ]
    head = [Text(gettext_noop("For 1,000 tasks")), Text(gettext_noop("With results")), Text(gettext_noop("Without"))]
    return Result(
        figure=Text(
            gettext_noop(
                "1,000 tasks with results: %(kept)s Redis commands, and %(keys)s keys that stay. Without: %(ignored)s "
                "commands and no key."
            ),
            {"kept": f"{kept.total:,}", "keys": f"{kept.keys:,}", "ignored": f"{ignored.total:,}"},
        ),
        columns=[
            Columns(
                Text(gettext_noop("Redis commands for 1,000 tasks")),
                "",
                [("ignore_result=False", kept.total), ("ignore_result=True", ignored.total)],
            )
        ],
        tables=[Table(Text(gettext_noop("Time, keys and commands, as INFO commandstats counts them")), head, rows)],
    )
