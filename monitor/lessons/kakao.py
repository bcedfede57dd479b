"""Lesson: an Alimtalk through an API that takes seconds, while the visitor does not wait."""

from __future__ import annotations

import json
import re
import time
from typing import NamedTuple

import requests
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from monitor.lessons.kakao_server import APP_KEY, SECRET_KEY, SENDER_KEY, TEMPLATE_CODE, Call, KakaoServer
from monitor.lessons.registry import Report
from monitor.lessons.results import MEASURED, Bar, Result, Table, Text, Timeline
from monitor.lessons.temporary_site import TemporarySite, wait_until

TITLE = _("Kakao Alimtalk")
QUESTION = _("The API that sends an Alimtalk takes 2 seconds. Does the visitor wait for it?")
WHY = _(
    "The request stores the message and a row for the Alimtalk in one transaction, and responds. A worker calls the API"
    " afterwards. So neither a slow nor a failing API delays the visitor, and nothing is lost when the worker stops:"
    " the row says what is still to be sent. The call has an idempotency key, so the API refuses the same Alimtalk a"
    " second time. The API here is a stand-in on this machine; the code that calls it is the one that calls NHN Cloud."
)
SECONDS = 2.0  # that the API takes
TIMEOUT = 20.0  # seconds until the Alimtalk must have arrived
PHONE = "01012345678"
SUCCEEDED = re.compile(r"Task outbox\.tasks\.send_message\[([\w-]+)\] succeeded in ([\d.]+)s")


class Click(NamedTuple):
    """When the form was sent, and the seconds until the response."""

    at: float
    waited: float


def run(report: Report) -> Result:
    report(Text(gettext_noop("Starting a temporary site with a worker…")))
    with KakaoServer(SECONDS) as server, TemporarySite(OUTSIDE_ALLOW="127.0.0.1") as site:
        site.start_redis()
        site.start_worker("likes,mail,deliveries")
        site.start_web()
        report(Text(gettext_noop("Staff connects Kakao Alimtalk…")))
        connect(site, server)
        report(Text(gettext_noop("A visitor sends feedback…")))
        click = send_feedback(site)
        wait_until(lambda: server.calls and lines_of_the_slow_task(site), TIMEOUT)
        return result(click, server.calls[0], "\n".join(lines_of_the_slow_task(site)))


def connect(site: TemporarySite, server: KakaoServer) -> None:
    """Staff chooses Korean and connects the stand-in, on the pages of the site."""
    session = requests.Session()
    site.submit(session, "/accounts/login/", {"username": "staff", "password": "redheart"})
    site.submit(session, "/notifications/preferences/", {"language": "ko", "time_zone": "Asia/Seoul", "digest": ""})
    keys = {"app_key": APP_KEY, "secret": SECRET_KEY, "sender": SENDER_KEY, "template": TEMPLATE_CODE}
    data = {"name": "Kakao", "to": PHONE, "host": server.url, **keys}
    connected = site.submit(session, "/notifications/destinations/connect/kakao/", data)
    if connected.status_code != 302:
        raise RuntimeError("The site did not accept the stand-in.")


def send_feedback(site: TemporarySite) -> Click:
    data = {"email": "visitor@example.com", "message": "The heart is lovely."}
    response = site.submit(requests.Session(), "/feedback/", data)
    response.raise_for_status()
    waited = response.elapsed.total_seconds()
    return Click(time.time() - waited, waited)


def lines_of_the_slow_task(site: TemporarySite) -> list[str]:
    """What the worker has printed about the task that called the API, once that has succeeded."""
    printed = site.output("worker")
    slow = [task_id for task_id, seconds in SUCCEEDED.findall(printed) if float(seconds) >= SECONDS]
    return [line for line in printed.splitlines() if any(task_id in line for task_id in slow)]


def result(click: Click, call: Call, printed: str) -> Result:
    started, ended = call.started - click.at, call.ended - click.at
    waited = f"{click.waited * 1000:.0f}"
    seconds = {"api": f"{ended - started:.2f}", "arrived": f"{ended:.2f}"}
    bars = [Bar("web", f"{waited} ms", 0, click.waited, "short"), Bar("worker", "Alimtalk", started, ended, "long")]
    rows: list[list[str | Text]] = [
        [Text(gettext_noop("The visitor waited for the page")), f"{waited} ms"],
        [Text(gettext_noop("The worker called the API after")), f"{started:.2f} s"],
        [Text(gettext_noop("The API took")), f"{seconds['api']} s"],
        [Text(gettext_noop("The Alimtalk was on the phone after")), f"{seconds['arrived']} s"],
    ]
    return Result(
        Text(
            gettext_noop("The visitor waited %(waited)s ms; the API took %(api)s s."),
            {"waited": waited, "api": seconds["api"]},
        ),
        timelines=[Timeline(Text(gettext_noop("The request and the worker")), bars)],
        tables=[
            Table(
                Text(gettext_noop("Times since the click")),
                MEASURED,
                rows,
            )
        ],
        alimtalks=call.alimtalks,
        texts=[
            (Text(gettext_noop("What the API got")), as_json(call.body)),
            (Text(gettext_noop("What it responded")), as_json(call.response)),
            (Text(gettext_noop("What the worker printed")), printed),
        ],
    )


def as_json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2)
