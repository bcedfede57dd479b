"""Lesson: the same slow email sent in the request and by a worker."""

from __future__ import annotations

import time

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from monitor.lessons import tasks
from monitor.lessons.registry import Report
from monitor.lessons.results import Bar, Result, Table, Text, Timeline
from monitor.lessons.slow_smtp import Server
from monitor.lessons.workers import Run

TITLE = _("In the request or in a worker")
QUESTION = _("The mail server takes 3 seconds for an email. How long does the visitor wait?")
WHY = _(
    "What is called in the request makes the visitor wait until it ends. delay() only puts a message into a queue,"
    " which takes milliseconds, and the response follows. The email is not sent any faster: it is sent by a worker,"
    " while the visitor reads the next page."
)
TIMEOUT = 20.0  # seconds
SECONDS = 3.0  # that the mail server takes; 20 in the document and on the page


def run(report: Report) -> Result:
    with Run() as run, Server(SECONDS) as server:
        report(Text(gettext_noop("Sending the email in the request…")))
        began = time.time()
        tasks.send_email("request", server.port)
        in_request = time.time() - began
        report(Text(gettext_noop("Sending the email in a worker…")))
        send_email, queue = run.task(tasks.send_email), run.queue("mail")
        with run.worker("worker", [queue]), run.app.pool.acquire(block=True) as connection:
            connection.ensure_connection(max_retries=1)  # a web process has one, too
            began = time.time()
            send_email.apply_async(["worker", server.port], queue=queue, connection=connection)
            in_worker = time.time() - began
            events = run.wait_for(lambda events: [e for e in events if e["event"] == "ended"], SECONDS + TIMEOUT)
        started, ended = (next(e["at"] - began for e in events if e["event"] == name) for name in ("started", "ended"))
        return result(in_request, in_worker, started, ended)


def result(in_request: float, in_worker: float, started: float, ended: float) -> Result:
    bars = [
        Bar("request", "email", 0, in_request, "long"),
        Bar("request with worker", "delay()", 0, in_worker, "short"),
        Bar("worker", "email", started, ended, "long"),
    ]
    head = [Text(gettext_noop("Measured")), Text(gettext_noop("In the request")), Text(gettext_noop("In a worker"))]
    rows: list[list[str | Text]] = [
        [Text(gettext_noop("The visitor waits")), f"{in_request:.3f} s", f"{in_worker:.3f} s"],
        [Text(gettext_noop("The email is sent after")), f"{in_request:.2f} s", f"{ended:.2f} s"],
    ]
    return Result(
        Text(
            gettext_noop("In the request the visitor waits %(request)s s, with a worker %(worker)s s."),
            {"request": f"{in_request:.2f}", "worker": f"{in_worker:.3f}"},
        ),
        timelines=[Timeline(Text(gettext_noop("Who waits for the email")), bars)],
        tables=[Table(Text(gettext_noop("Times since the click")), head, rows)],
    )
