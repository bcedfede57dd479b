"""The experiments of the lesson "Redis and RabbitMQ", on one broker."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Thread
from typing import Any

from django.utils.translation import gettext_noop

from monitor.lessons import tasks
from monitor.lessons.results import Text
from monitor.lessons.workers import Event, Run, Worker

VISIBILITY_TIMEOUT = 4  # seconds; Celery's default is an hour
COUNTDOWN = 9  # seconds
WORK = 1.5  # seconds of the task whose worker is killed
PRIORITIES = (9, 3, 0)  # in the order in which they are enqueued
TIMEOUT = 25.0  # seconds for each step
REPEATS = 1.5  # seconds in which a task that was delivered several times starts again
SETTINGS: dict[str, Any] = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_enable_remote_control": True,
    "worker_send_task_events": True,
}
RESTORE = {"unacked_restore_interval": 1, "unacked_restore_throttle": 1}  # seconds; rounds
Seen = dict[str, str | Text]

DEPTH, RAW, CONVERTED = "depth", "raw", "converted"
KILLED, REPEATED, PING, SCHEDULED, EVENTS = "killed", "repeated", "ping", "scheduled", "events"


def experiments(url: str) -> Seen | Text:
    """What was seen on this broker; the reason if it cannot be reached."""
    with Run(broker=url, settings=SETTINGS) as run:
        if reason := unreachable(run):
            return Text(gettext_noop("not reachable: %(reason)s"), {"reason": reason})
        if run.on_redis:
            options = run.settings["broker_transport_options"]
            options |= {"visibility_timeout": VISIBILITY_TIMEOUT, **RESTORE}
        try:
            return on_broker(run)
        finally:
            delete_control_exchanges(run)


def unreachable(run: Run) -> str:
    """Why there is no connection to the broker; empty if there is one."""
    try:
        with run.app.connection_for_write(connect_timeout=2) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
    except Exception as error:
        return str(error) or type(error).__name__
    return ""


def on_broker(run: Run) -> Seen:
    enqueue_priorities(run)
    seen: Seen = {DEPTH: str(run.depth(run.queue(RAW)))}
    events = EventTypes(run)
    waiting = [
        run.start("first", [run.queue(RAW), run.queue(CONVERTED), run.queue("countdown")]),
        run.start("second", [run.queue("countdown")]),
    ]
    pair = [run.start(name, [run.queue("work")]) for name in ("third", "fourth")]
    run.wait_until_ready(*waiting, *pair)
    run.task(tasks.work).apply_async(["countdown", 0], queue=run.queue("countdown"), countdown=COUNTDOWN)
    inspect = run.app.control.inspect(timeout=TIMEOUT, limit=len(waiting + pair))
    seen[PING] = str(len(inspect.ping() or {}))
    seen[SCHEDULED] = str(sum(map(len, (inspect.scheduled() or {}).values())))
    seen[KILLED] = f"{seconds_until_it_runs_again(run, pair):.2f} s"
    run.wait_for(lambda found: starts(found, "countdown"), COUNTDOWN + TIMEOUT)
    time.sleep(REPEATS)
    events.stop()
    found = run.events()
    seen |= {name: ", ".join(label.split()[1] for label in labels(found, name)) for name in (RAW, CONVERTED)}
    return seen | {REPEATED: times(len(starts(found, "countdown"))), EVENTS: events.seen()}


def enqueue_priorities(run: Run) -> None:
    """Each queue gets a task of each priority. RabbitMQ begins with the highest number, Redis with the lowest; this
    site means the lowest, as `project.celery.convert_priority` does."""
    work = run.task(tasks.work)
    for priority in PRIORITIES:
        converted = priority if run.on_redis else 9 - priority
        work.apply_async([f"{RAW} {priority}", 0], queue=run.queue(RAW), priority=priority)
        work.apply_async([f"{CONVERTED} {priority}", 0], queue=run.queue(CONVERTED), priority=converted)


def seconds_until_it_runs_again(run: Run, workers: list[Worker]) -> float:
    """Kills the worker that runs a task, with kill -9. The other worker gets the task."""
    run.task(tasks.work).apply_async(["killed", WORK], queue=run.queue("work"))
    [first] = starts(run.wait_for(lambda events: starts(events, "killed"), TIMEOUT), "killed")
    killed_at = time.time()
    next(worker for worker in workers if worker.name == first["worker"]).kill()
    events = run.wait_for(lambda events: len(starts(events, "killed")) > 1, TIMEOUT)
    return float(starts(events, "killed")[1]["at"] - killed_at)


def starts(events: list[Event], label: str) -> list[Event]:
    return [event for event in events if event["event"] == "started" and event["args"][0] == label]


def labels(events: list[Event], prefix: str) -> list[str]:
    """The labels of the tasks with this prefix, in the order in which they started."""
    started = [str(event["args"][0]) for event in events if event["event"] == "started"]
    return [label for label in started if label.startswith(f"{prefix} ")]


class EventTypes(Thread):
    """Receives what workers report about their tasks, until `stop`."""

    def __init__(self, run: Run) -> None:
        super().__init__(daemon=True)
        self.types = set[str]()
        self.connection = run.app.connection_for_read()
        self.receiver = run.app.events.Receiver(self.connection, handlers={"*": self.add})
        self.start()

    def add(self, event: dict[str, Any]) -> None:
        self.types.add(event["type"])

    def run(self) -> None:
        with suppress(Exception), self.connection:
            self.receiver.capture(limit=None, timeout=None, wakeup=False)

    def seen(self) -> Text:
        """Whether all events of a task that succeeds have come."""
        complete = {"task-received", "task-started", "task-succeeded"} <= self.types
        return Text(gettext_noop("yes") if complete else gettext_noop("no"))

    def stop(self) -> None:
        """It looks once a second whether to stop."""
        self.receiver.should_stop = True
        self.join(3)


def delete_control_exchanges(run: Run) -> None:
    """What `celery inspect` and `celery events` leave on the broker."""
    names = f"{run.prefix}.pidbox", f"reply.{run.prefix}.pidbox", f"{run.prefix}-events"
    if run.on_redis:
        with run.redis() as redis:
            redis.zrem("_kombu.binding_deadlines", *names)
    else:
        with run.app.connection_for_write() as connection:
            for name in names:
                connection.default_channel.exchange_delete(name)


def times(number: int) -> Text:
    return Text(gettext_noop("once") if number == 1 else gettext_noop("%(number)s times"), {"number": number})
