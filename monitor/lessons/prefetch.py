"""Eight tasks, one of them long, with different limits on what a worker may reserve. All set-ups run side by side."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from monitor.lessons import tasks
from monitor.lessons.registry import Report
from monitor.lessons.results import Result, Table, Text, Timeline
from monitor.lessons.traces import Trace, bars, traces
from monitor.lessons.workers import Run, Worker

TITLE = _("Prefetch")
QUESTION = _("Why does a short task wait behind a long one while another worker has nothing to do?")
WHY = _(
    "A worker reserves messages before it has time for them: prefetch limits how many of them it may hold without "
    "having acknowledged them. A short task that is reserved behind the long one waits for it, although the other "
    "worker is idle. Prefetch 1 alone still leaves one waiting, because Celery acknowledges a message when its task "
    "starts and reserves the next one at once. With task_acks_late it acknowledges at the end, and nothing waits. "
    "Separate queues keep short tasks away from long ones. worker_disable_prefetch takes a message only when a process "
    "is free; it works with Redis only.\n\n"
    "The first timeline answers another question: does a worker have to finish all its reserved tasks before it "
    "reserves more? No: it receives one message for each that it acknowledges."
)

SHORT, LONG = 0.3, 4.0  # seconds
LABELS = ("S1", "S2", "S3", "L", "S4", "S5", "S6", "S7")
PAUSE = 0.05  # seconds between two tasks, so that the workers receive them in turn
LATE = {"task_acks_late": True}


class Setup(NamedTuple):
    title: str
    queues: tuple[str, ...]  # one for each worker
    prefetch: int
    settings: dict[str, Any]

    def queue(self, label: str) -> str:
        return self.queues[-1] if label == "L" else self.queues[0]


SETUPS = {
    "one": Setup(gettext_noop("One worker, prefetch 4"), ("one",), 4, LATE),
    "four": Setup(gettext_noop("Two workers, prefetch 4"), ("four", "four"), 4, LATE),
    "early": Setup(gettext_noop("Two workers, prefetch 1"), ("early", "early"), 1, {}),
    "late": Setup(gettext_noop("Two workers, prefetch 1 and task_acks_late"), ("late", "late"), 1, LATE),
    "split": Setup(gettext_noop("A queue and a worker for each length, prefetch 4"), ("short", "long"), 4, LATE),
    "disabled": Setup(
        gettext_noop("Two workers, prefetch 4 and worker_disable_prefetch"),
        ("disabled", "disabled"),
        4,
        LATE | {"worker_disable_prefetch": True},
    ),
}


def run(report: Report) -> Result:
    with Run() as lesson:
        setups = {name: setup for name, setup in SETUPS.items() if name != "disabled" or lesson.on_redis}
        report(
            Text(gettext_noop("Starting %(count)d workers…"), {"count": sum(len(s.queues) for s in setups.values())})
        )
        workers = [worker for name, setup in setups.items() for worker in start(lesson, name, setup)]
        lesson.wait_until_ready(*workers)
        report(Text(gettext_noop("Each set-up gets the same eight tasks: S S S L S S S S.")))
        began = time.time()
        labels = enqueue(lesson, setups)
        total = len(setups) * len(LABELS)
        events = lesson.wait_for(lambda events: sum(e["event"] == "ended" for e in events) == total, 30)
    return result({name: traces(events, labels[name], began) for name in setups})


def start(lesson: Run, name: str, setup: Setup) -> list[Worker]:
    return [
        lesson.start(f"{name}.worker-{number}", [lesson.queue(queue)], prefetch=setup.prefetch, settings=setup.settings)
        for number, queue in enumerate(setup.queues, 1)
    ]


def enqueue(lesson: Run, setups: dict[str, Setup]) -> dict[str, dict[str, str]]:
    """Returns the label of each task id, for each set-up."""
    work = lesson.task(tasks.work)
    labels: dict[str, dict[str, str]] = {name: {} for name in setups}
    for label in LABELS:
        for name, setup in setups.items():
            sent = work.apply_async([label, LONG if label == "L" else SHORT], queue=lesson.queue(setup.queue(label)))
            labels[name][sent.id] = label
        time.sleep(PAUSE)
    return labels


def result(found: dict[str, list[Trace]]) -> Result:
    for trace in [trace for name in found for trace in found[name]]:
        trace.worker = trace.worker.partition(".")[2]
    return Result(
        figure=Text(
            gettext_noop(
                "With prefetch 4 the last short task ended after %(four).1f s, with prefetch 1 and task_acks_late "
                "after %(late).1f s."
            ),
            {"four": last_short(found["four"]), "late": last_short(found["late"])},
        ),
        timelines=[Timeline(Text(SETUPS[name].title), bars(found[name], long=LONG)) for name in found],
        tables=[summary(found), receptions(found["one"])],
    )


def last_short(found: list[Trace]) -> float:
    return max(trace.ended for trace in found if trace.label != "L")


def waited(found: list[Trace]) -> list[Trace]:
    """The short tasks that a worker held while it was busy with the long one."""
    [long] = [trace for trace in found if trace.label == "L"]
    return [trace for trace in found if trace.waited_for(long)]


def summary(found: dict[str, list[Trace]]) -> Table:
    return Table(
        Text(gettext_noop("Short tasks that waited for the long one")),
        [Text(gettext_noop("Set-up")), Text(gettext_noop("Waited")), Text(gettext_noop("Last short task ended"))],
        [
            [Text(SETUPS[name].title), str(len(waited(each))), f"{last_short(each):.1f} s"]
            for name, each in found.items()
        ],
    )


def receptions(found: list[Trace]) -> Table:
    return Table(
        Text(gettext_noop("One worker, prefetch 4: when each message was received")),
        [
            Text(gettext_noop("Task")),
            Text(gettext_noop("Received at")),
            Text(gettext_noop("Started at")),
            Text(gettext_noop("Ended at")),
        ],
        [[t.label, f"{t.received:.2f} s", f"{t.started:.2f} s", f"{t.ended:.2f} s"] for t in found],
    )
