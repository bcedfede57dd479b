"""The options of `apply_async`, each with what really happens, and what `delay` does with the same options."""

from __future__ import annotations

import time
from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from monitor.lessons import tasks
from monitor.lessons.registry import Report
from monitor.lessons.results import Result, Table, Text, Timeline
from monitor.lessons.traces import Trace, bars, traces
from monitor.lessons.workers import Event, Run

TITLE = _("delay and apply_async")
QUESTION = _("What can apply_async do that delay cannot?")
WHY = _(
    "task.delay(1, x=2) is short for task.apply_async((1,), {'x': 2}). It has no options: all its arguments go to the "
    "task, so delay(countdown=2) either starts the task at once with an argument that it did not expect, or fails "
    "before anything is enqueued. delay is not faster either, because it calls apply_async.\n\nWith a countdown the "
    "worker receives the message at once and holds it until it is due; a retry is a new message with a countdown. An "
    "expired message stays in Redis until a worker receives it and throws it away; RabbitMQ deletes it by itself. "
    "Priorities matter only while messages wait in the broker: Redis takes the lowest number first, RabbitMQ the "
    "highest."
)

COUNTDOWN, EXPIRES = 2.0, 1.0  # seconds
PRIORITIES = (9, 3, 0, 6)
PLAIN, APPLY, DELAY, RETRY = "delay()", "apply_async(countdown=2)", "delay(countdown=2)", "retry"


def run(report: Report) -> Result:
    with Run() as lesson:
        report(Text(gettext_noop("Enqueuing tasks with priorities, and one that expires, while no worker runs…")))
        waiting = enqueue_waiting(lesson)
        expires_at = time.time() + EXPIRES
        with lesson.worker("worker-1", [lesson.queue("default")]):
            report(Text(gettext_noop("Enqueuing tasks with a countdown and with retries…")))
            called_at = time.time()
            called = enqueue_now(lesson)
            lesson.wait_for(lambda events: called.keys() <= finished(events), 20)
        time.sleep(max(0, expires_at - time.time()))
        report(Text(gettext_noop("Starting a worker for the tasks that wait…")))
        with lesson.worker("worker-2", [lesson.queue("later")], settings={"task_acks_late": True}):
            arriving = len(waiting) if lesson.on_redis else len(PRIORITIES)  # RabbitMQ deletes what has expired
            lesson.wait_for(lambda events: len(waiting.keys() & finished(events)) == arriving, 20)
        events = lesson.events()
        return result(traces(events, called, called_at), order(events, waiting), refusal(lesson), events)


def enqueue_waiting(lesson: Run) -> dict[str, str]:
    """Returns the labels of the tasks by id."""
    work, queue = lesson.task(tasks.work), lesson.queue("later")
    sent = {f"priority={n}": work.apply_async(["", 0.05], queue=queue, priority=n) for n in PRIORITIES}
    sent["expires=1"] = work.apply_async(["", 0], queue=queue, expires=EXPIRES, priority=0)
    return {each.id: label for label, each in sent.items()}


def enqueue_now(lesson: Run) -> dict[str, str]:
    """Returns the labels of the tasks by id."""
    work, echo, fail_twice = (lesson.task(task) for task in (tasks.work, tasks.echo, tasks.fail_twice))
    return {
        work.delay("", 0.1).id: PLAIN,
        echo.delay("", countdown=COUNTDOWN).id: DELAY,
        work.apply_async(["", 0.1], countdown=COUNTDOWN).id: APPLY,
        fail_twice.apply_async([""]).id: RETRY,
    }


def finished(events: Iterable[Event]) -> set[str]:
    """The ids of the tasks that will not run again."""
    return {
        event["task"]
        for event in events
        if event["event"] == "revoked" or (event["event"] == "ended" and event["state"] != "RETRY")
    }


def order(events: Iterable[Event], labels: dict[str, str]) -> list[str]:
    """What became of the tasks that had waited, in the order in which the worker took them."""
    happened = [e for e in events if e["event"] in ("started", "revoked") and e["task"] in labels]
    return [labels[e["task"]] + ("" if e["event"] == "started" else " ✗") for e in happened]


def refusal(lesson: Run) -> str:
    """What Python says about an argument that the task does not have."""
    try:
        lesson.task(tasks.work).delay("", 0, countdown=COUNTDOWN)
    except TypeError as error:
        return f"TypeError: {error}"
    raise AssertionError("It was enqueued.")


def expiry(happened: list[str]) -> Text:
    """What became of the task that had expired before a worker came."""
    if "expires=1 ✗" in happened:
        return Text(gettext_noop("the worker that received it later threw it away"))
    if "expires=1" in happened:
        return Text(gettext_noop("it was run"))
    return Text(gettext_noop("RabbitMQ deleted it, and no worker received it"))


def result(found: list[Trace], happened: list[str], refused: str, events: Iterable[Event]) -> Result:
    started = {label: [t.started for t in found if t.label == label] for label in (PLAIN, DELAY, APPLY, RETRY)}
    [arguments] = [e["kwargs"] for e in events if e["event"] == "started" and e.get("kwargs")]
    head = [Text(gettext_noop("Call")), Text(gettext_noop("What happened"))]
    rows = [*countdown_rows(started, arguments, refused), *other_rows(started[RETRY], happened)]
    return Result(
        figure=Text(
            gettext_noop(
                "apply_async(countdown=2) started the task after %(after).1f s, delay(countdown=2) after "
                "%(at_once).2f s."
            ),
            {"after": started[APPLY][0], "at_once": started[DELAY][0]},
        ),
        timelines=[Timeline(Text(gettext_noop("What the worker held, and when it ran it")), bars(found))],
        tables=[Table(Text(gettext_noop("Each call, and what happened")), head, rows)],
    )


def countdown_rows(started: dict[str, list[float]], arguments: object, refused: str) -> list[list[str | Text]]:
    """``started``: in seconds, by the label of the call. ``arguments``: those that the task got from `delay`."""
    after, with_arguments = (
        gettext_noop("started after %(seconds).2f s"),
        gettext_noop("started after %(seconds).2f s, and the task got %(arguments)s"),
    )
    return [
        [PLAIN, Text(after, {"seconds": started[PLAIN][0]})],
        [APPLY, Text(after, {"seconds": started[APPLY][0]})],
        [DELAY, Text(with_arguments, {"seconds": started[DELAY][0], "arguments": str(arguments)})],
        [Text(gettext_noop("%(call)s of a task without **kwargs"), {"call": DELAY}), refused],
    ]


def other_rows(attempts: list[float], happened: list[str]) -> list[list[str | Text]]:
    times = ", ".join(f"{seconds:.1f} s" for seconds in attempts)
    order = ", ".join(f"priority={n}" for n in PRIORITIES)
    return [
        ["autoretry_for, retry_backoff=1", Text(gettext_noop("attempts after %(times)s"), {"times": times})],
        ["apply_async(expires=1)", expiry(happened)],
        [
            Text(gettext_noop("enqueued as %(order)s"), {"order": order}),
            ", ".join(label for label in happened if label.startswith("priority")),
        ],
    ]
