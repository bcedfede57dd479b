"""Lesson: two beats enqueue each task twice, and a lock keeps the work from running twice at once."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.one_at_a_time import LOCKS, PREFIX
from monitor.lessons import tasks
from monitor.lessons.registry import Report
from monitor.lessons.results import Bar, Result, Table, Text, Timeline
from monitor.lessons.temporary_site import wait_until
from monitor.lessons.workers import Event, Run, connect

TITLE = _("Two beats, one lock")
QUESTION = _("Two beats run by mistake, so everything is enqueued twice. Does the work run twice at once?")
WHY = _(
    "Beat does not know of other beats: two of them enqueue every task of the schedule twice. A lock in Redis lets one"
    " task work and the other one end at once. Its value says who holds it (host, process, task), and it expires, so"
    " that a worker that dies does not block the work for ever. A lock is a convenience, not a guarantee: what must not"
    " happen twice needs a condition in the database as well. Redheart's nightly recount uses this lock, and the"
    " monitoring page shows who holds it."
)
EVERY = 1.0  # seconds
WORK = 0.6  # seconds
ENQUEUED = 12  # of each task, until the lesson ends
TIMEOUT = 30.0  # seconds
PLAIN, LOCKED = LABELS = ("without lock", "with lock")


class Count(NamedTuple):
    """Of one task: how many were enqueued, worked, worked while another one worked, and were skipped."""

    enqueued: int
    worked: int
    at_once: int
    skipped: int


class Span(NamedTuple):
    pid: int
    start: float
    end: float
    skipped: bool


def run(report: Report) -> Result:
    with Run() as run:
        report(Text(gettext_noop("Starting a worker with 2 processes for each task, and 2 beats…")))
        workers = [run.start(name, [run.queue(name)], concurrency=2) for name in ("plain", "locked")]
        run.wait_until_ready(*workers)
        for beat in ("beat-1", "beat-2"):
            run.start_beat(beat, schedule(run))
        value = who_holds_it(run)
        report(Text(gettext_noop("Both beats enqueue…")))
        events = run.wait_for(lambda events: all(len(spans(events, label)) >= ENQUEUED for label in LABELS), TIMEOUT)
        with connect(settings.CELERY_RESULT_BACKEND) as redis:
            redis.zrem(LOCKS, run.prefix)
        return result(events, value)


def schedule(run: Run) -> dict[str, Any]:
    """The same for both beats: each task once a second."""
    args = {tasks.work: [PLAIN, WORK], tasks.one_at_a_time_work: [LOCKED, WORK, run.prefix]}
    queues = {tasks.work: run.queue("plain"), tasks.one_at_a_time_work: run.queue("locked")}
    return {
        task.name: {"task": task.name, "schedule": EVERY, "args": args[task], "options": {"queue": queues[task]}}
        for task in args
    }


def who_holds_it(run: Run) -> str:
    """The value of the lock, as soon as somebody holds it."""
    with connect(settings.CELERY_RESULT_BACKEND) as redis:
        return str(wait_until(lambda: redis.get(PREFIX + run.prefix), TIMEOUT).decode())


def spans(events: list[Event], label: str) -> list[Span]:
    """From when to when each task ran that has ended, in the order of the starts."""
    found = [event for event in events if event.get("args") and event["args"][0] == label]
    ended = {event["task"]: event["at"] for event in found if event["event"] == "ended"}
    skipped = {event["task"] for event in found if event["event"] == "skipped"}
    return [
        Span(event["pid"], event["at"], ended[event["task"]], event["task"] in skipped)
        for event in found
        if event["event"] == "started" and event["task"] in ended
    ]


def count(events: list[Event], label: str) -> Count:
    enqueued = [event for event in events if event["event"] == "enqueued" and event["args"][0] == label]
    ran = spans(events, label)
    worked = [span for span in ran if not span.skipped]
    at_once = [a for a in worked if any(b is not a and b.start < a.end and a.start < b.end for b in worked)]
    return Count(len(enqueued), len(worked), len(at_once), len(ran) - len(worked))


def result(events: list[Event], value: str) -> Result:
    counts = {label: count(events, label) for label in LABELS}
    head = [Text(gettext_noop("Tasks")), Text(gettext_noop("Without a lock")), Text(gettext_noop("With the lock"))]
    names = {
        "enqueued": gettext_noop("Enqueued by the 2 beats"),
        "worked": gettext_noop("Worked"),
        "at_once": gettext_noop("Worked while another one worked"),
        "skipped": gettext_noop("Skipped, because another one had the lock"),
    }
    rows: list[list[str | Text]] = [
        [Text(text), *(str(getattr(counts[label], name)) for label in LABELS)] for name, text in names.items()
    ]
    figure = gettext_noop(
        "Without a lock %(plain)s tasks ran while another one ran, with the lock %(locked)s; %(skipped)s were skipped."
    )
    values = {
        "plain": counts[PLAIN].at_once,
        "locked": counts[LOCKED].at_once,
        "skipped": counts[LOCKED].skipped,
    }
    return Result(
        Text(figure, values),
        timelines=[Timeline(Text(gettext_noop("What each process of the workers did")), bars(events))],
        tables=[Table(Text(gettext_noop("What happened to the tasks")), head, rows)],
        texts=[(Text(gettext_noop("The value of the lock in Redis")), value)],
    )


def bars(events: list[Event]) -> list[Bar]:
    """One row for each process of a pool; the tasks are numbered in the order of their starts."""
    found = {label: spans(events, label) for label in LABELS}
    first = min(span.start for each in found.values() for span in each)
    rows = {
        pid: f"{label} {number}"
        for label, each in found.items()
        for number, pid in enumerate(sorted({span.pid for span in each}), 1)
    }
    return [
        Bar(rows[span.pid], str(number), span.start - first, span.end - first, "skipped" if span.skipped else "short")
        for each in found.values()
        for number, span in enumerate(each, 1)
    ]
