"""Lesson: what a worker, a web process and a visitor see while there is no broker."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from threading import Thread
from typing import Any, NamedTuple

import requests
from celery import Celery
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from monitor.lessons.registry import Report
from monitor.lessons.results import MEASURED, Columns, Result, Table, Text
from monitor.lessons.temporary_site import TemporarySite, free_port, wait_until
from monitor.lessons.workers import Run, Worker

TITLE = _("A worker without a broker")
QUESTION = _("Redis is down. What do the worker, the web process and the visitor see?")
WHY = _(
    "A worker does nothing but wait: it tries to connect again after 2, 4, 6 seconds and so on, and continues when the"
    " broker is back. A web process must not wait like that, because a visitor waits for it. Celery's defaults are made"
    " for workers; with the settings of this site, publishing gives up within a second. And the like does not depend on"
    " it: it is stored in the database before anything is enqueued, so the response is the same. Beat enqueues what was"
    " not enqueued as soon as the broker is back."
)
PATIENCE = 8.0  # seconds after which a publisher that still waits is given up
RETRY_LINE = "Trying again in 4.00 seconds... (2/"
COUNT_TIMEOUT = 20.0  # seconds
BROKERS = {
    "closed": gettext_noop("Nothing listens on the port"),
    "silent": gettext_noop("The server accepts connections and never responds"),
}
SETTINGS = {"defaults": gettext_noop("Celery's defaults"), "site": gettext_noop("This site's settings")}
DEFAULTS: dict[str, Any] = {}
OF_THIS_SITE = {
    "task_publish_retry_policy": settings.CELERY_TASK_PUBLISH_RETRY_POLICY,
    "broker_transport_options": {"socket_timeout": 0.4, "socket_connect_timeout": 0.4},
}


class Publisher(Thread):
    """Publishes one task in a thread of its own, which may hang. ``seconds`` is None as long as it has not ended."""

    def __init__(self, broker: str, settings: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.app = Celery("publisher", broker=broker, set_as_current=False, fixups=[])
        self.app.conf.update(settings, task_ignore_result=True, broker_write_url=broker)
        self.seconds: float | None = None
        self.start()

    def run(self) -> None:
        started = time.monotonic()
        try:
            self.app.send_task("monitor.lessons.tasks.work", ["A", 0])
        except Exception:  # there is no broker
            self.seconds = time.monotonic() - started

    @property
    def waited(self) -> float:
        return PATIENCE if self.seconds is None else round(self.seconds, 2)

    def __str__(self) -> str:
        return f"> {PATIENCE:.0f} s" if self.seconds is None else f"{self.seconds:.2f} s"


class Like(NamedTuple):
    """What a visitor got for a like while Redis was down, and the count afterwards."""

    status: int
    milliseconds: float
    with_redis: float  # milliseconds of a like afterwards
    log_line: str
    pending: bool
    counted_after: float  # seconds after the start of Redis


def run(report: Report) -> Result:
    redis, rabbitmq = f"redis://127.0.0.1:{free_port()}/0", f"amqp://guest:guest@127.0.0.1:{free_port()}//"
    with Run(broker=redis) as first, Run(broker=rabbitmq) as second, silent_server() as silent:
        report(Text(gettext_noop("Starting workers and publishers without a broker…")))
        workers = [run.start("worker", [run.queue("work")], log_level="INFO") for run in (first, second)]
        publishers = {
            (broker, which): Publisher(url, conf)
            for broker, url in (("closed", redis), ("silent", silent))
            for which, conf in (("defaults", DEFAULTS), ("site", OF_THIS_SITE))
        }
        end = time.monotonic() + PATIENCE
        like = like_without_redis(report)
        wait_until(lambda: all(RETRY_LINE in worker.output for worker in workers), COUNT_TIMEOUT)
        for publisher in publishers.values():
            publisher.join(max(0, end - time.monotonic()))
        for worker in workers:
            worker.kill()  # while it waits, SIGTERM does not end it
        return result(workers, publishers, like)


@contextmanager
def silent_server() -> Iterator[str]:
    """The URL of a Redis that accepts connections and never responds."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def like_without_redis(report: Report) -> Like:
    report(Text(gettext_noop("Starting a temporary site without Redis…")))
    with TemporarySite() as site:
        site.start_web()
        visitor = requests.Session()
        visitor.headers.update({"Accept": "application/json", "Origin": site.url})
        post = f"{site.url}/posts/1/"
        before = visitor.get(post, timeout=10).json()
        report(Text(gettext_noop("A visitor likes a post…")))
        response = visitor.post(f"{post}like/", {"liked": "1"}, timeout=10)
        wait_until(lambda: log_lines(site), COUNT_TIMEOUT)
        after = visitor.get(post, timeout=10).json()
        report(Text(gettext_noop("Redis, a worker and beat start…")))
        site.start_redis()
        started = time.monotonic()
        site.start_worker("likes,mail")
        site.start_beat()
        wait_until(lambda: visitor.get(post, timeout=10).json()["count"] == before["count"] + 1, COUNT_TIMEOUT)
        counted_after = time.monotonic() - started
        second = visitor.post(f"{site.url}/posts/2/like/", {"liked": "1"}, timeout=10)
        return Like(
            response.status_code,
            response.elapsed.total_seconds() * 1000,
            second.elapsed.total_seconds() * 1000,
            log_lines(site)[0],
            after["liked"] and after["count"] == before["count"],
            counted_after,
        )


def log_lines(site: TemporarySite) -> list[str]:
    """What the web process has logged about tasks that it could not enqueue."""
    return [line for line in site.output("web").splitlines() if "could not enqueue" in line]


def worker_lines(worker: Worker) -> str:
    """What Celery prints while it cannot connect."""
    lines = worker.output.splitlines()
    return "\n".join(line for line in lines if "Cannot connect to" in line or "Trying again" in line)


def result(workers: list[Worker], publishers: dict[tuple[str, str], Publisher], like: Like) -> Result:
    return Result(
        Text(
            gettext_noop(
                "Without Redis the like was answered with %(status)s in %(ms)s ms; it was counted %(after)s s after"
                " Redis had started."
            ),
            {"status": like.status, "ms": f"{like.milliseconds:.0f}", "after": f"{like.counted_after:.1f}"},
        ),
        columns=[silent_columns(publishers)],
        tables=[visitor_table(like), publishing_table(publishers)],
        texts=[
            (Text(gettext_noop("What the worker prints without Redis")), worker_lines(workers[0])),
            (Text(gettext_noop("What the worker prints without RabbitMQ")), worker_lines(workers[1])),
            (Text(gettext_noop("What the web process logs")), like.log_line),
        ],
    )


def silent_columns(publishers: dict[tuple[str, str], Publisher]) -> Columns:
    title = gettext_noop("A server that never responds: how long publishing waits (8 s: still waiting)")
    return Columns(
        Text(title), "s", [(Text(SETTINGS[which]), publishers["silent", which].waited) for which in SETTINGS]
    )


def visitor_table(like: Like) -> Table:
    rows: list[list[str | Text]] = [
        [Text(gettext_noop("Response")), f"{like.status} {HTTPStatus(like.status).phrase}"],
        [Text(gettext_noop("Time without Redis")), f"{like.milliseconds:.0f} ms"],
        [Text(gettext_noop("Time of another like with Redis")), f"{like.with_redis:.0f} ms"],
        [Text(gettext_noop("The like is stored and pending")), yes_or_no(like.pending)],
        [Text(gettext_noop("Counted after Redis, a worker and beat started")), f"{like.counted_after:.1f} s"],
    ]
    return Table(Text(gettext_noop("What the visitor sees")), MEASURED, rows)


def publishing_table(publishers: dict[tuple[str, str], Publisher]) -> Table:
    head = [Text(gettext_noop("The broker")), *map(Text, SETTINGS.values())]
    rows: list[list[str | Text]] = [
        [Text(text), *(str(publishers[broker, which]) for which in SETTINGS)] for broker, text in BROKERS.items()
    ]
    return Table(Text(gettext_noop("How long publishing waits before it gives up")), head, rows)


def yes_or_no(value: bool) -> Text:
    return Text(gettext_noop("yes") if value else gettext_noop("no"))
