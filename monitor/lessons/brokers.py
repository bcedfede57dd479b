"""Lesson: the same experiments on Redis and on RabbitMQ."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import cast

from django.conf import settings as site
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from monitor.lessons.broker_experiments import (
    CONVERTED,
    DEPTH,
    EVENTS,
    KILLED,
    PING,
    RAW,
    REPEATED,
    SCHEDULED,
    Seen,
    experiments,
)
from monitor.lessons.registry import Report
from monitor.lessons.results import Columns, Result, Table, Text

TITLE = _("Redis and RabbitMQ")
QUESTION = _("Is Redis as a broker still limited, compared with RabbitMQ?")
WHY = _(
    "RabbitMQ knows which worker has a message: when the connection of a dead worker closes, it delivers the message"
    " again immediately. Redis does not know that. Celery keeps a list of unacknowledged messages there, and delivers"
    " each of them again after the visibility timeout, by default one hour. A task whose countdown is longer than that"
    " is delivered again while it waits, and runs more than once. That is why this site sets the timeout to five"
    " minutes and uses no long countdowns: what is due later is in the database. Priorities count in opposite"
    " directions; the site converts them. Monitoring commands work with both."
)
RABBITMQ_URL = "amqp://guest:guest@127.0.0.1:5672//"
ROWS = {
    DEPTH: gettext_noop("Messages that wait in the queue while there is no worker"),
    RAW: gettext_noop("Priorities 9, 3 and 0, enqueued in this order, run as"),
    CONVERTED: gettext_noop("The same, converted as this site does"),
    KILLED: gettext_noop("kill -9 of a worker in the middle of a task: runs again after"),
    REPEATED: gettext_noop("A countdown of 9 s with a visibility timeout of 4 s: runs"),
    PING: gettext_noop("celery inspect ping: workers that respond"),
    SCHEDULED: gettext_noop("celery inspect scheduled: tasks that wait for their countdown"),
    EVENTS: gettext_noop("celery events: each task as received, started and succeeded"),
}


def urls() -> dict[str, str]:
    """The brokers to compare: the one of the site, and the other one on this machine."""
    broker = site.CELERY_BROKER_URL
    on_rabbitmq = broker.startswith("amqp")
    return {
        "Redis": site.CELERY_REDIS_URL if on_rabbitmq else broker,
        "RabbitMQ": broker if on_rabbitmq else RABBITMQ_URL,
    }


def run(report: Report) -> Result:
    report(Text(gettext_noop("Starting four workers on each broker: priorities, a countdown, a killed worker…")))
    with ThreadPoolExecutor() as pool:
        running = {name: pool.submit(experiments, url) for name, url in urls().items()}
        return result({name: future.result() for name, future in running.items()})


def result(seen: dict[str, Seen | Text]) -> Result:
    rows: list[list[str | Text]] = [
        [Text(label), *(found if isinstance(found, Text) else found[row] for found in seen.values())]
        for row, label in ROWS.items()
    ]
    head = [Text(gettext_noop("Experiment")), *map(Text, seen)]
    columns = [Columns(Text(gettext_noop("From kill -9 until the task runs again")), "s", redelivery(seen))]
    return Result(figure(seen), columns=columns, tables=[Table(Text(gettext_noop("What was seen")), head, rows)])


def redelivery(seen: dict[str, Seen | Text]) -> list[tuple[str | Text, float]]:
    """Seconds, for each broker that could be reached."""
    return [
        (name, float(str(found[KILLED]).removesuffix(" s")))
        for name, found in seen.items()
        if not isinstance(found, Text)
    ]


def figure(seen: dict[str, Seen | Text]) -> Text:
    redis, rabbitmq = seen["Redis"], seen["RabbitMQ"]
    if isinstance(redis, Text) or isinstance(rabbitmq, Text):
        return Text(gettext_noop("Only one of the two brokers could be reached, so there is nothing to compare."))
    return Text(
        gettext_noop(
            "Redis is still limited in two respects: after kill -9 the task ran again after %(redis)s s (RabbitMQ:"
            " %(rabbitmq)s s), and a countdown longer than the visibility timeout ran %(number)s times (RabbitMQ:"
            " %(other)s)."
        ),
        {
            "redis": str(redis[KILLED]).removesuffix(" s"),
            "rabbitmq": str(rabbitmq[KILLED]).removesuffix(" s"),
            "number": runs(redis),
            "other": runs(rabbitmq),
        },
    )


def runs(seen: Seen) -> int:
    """How often the task with the countdown ran."""
    return int(cast(Text, seen[REPEATED]).values["number"])
