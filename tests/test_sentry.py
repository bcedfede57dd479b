"""SENTRY_DSN sends the errors of pages and tasks to a server, here one of this machine, and nothing about visitors."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from core import correlation
from tests import failing
from tests.live import ROOT, free_port, until
from tests.notifications.receiver import Receiver, receiving
from tests.outbox.workers import database_url
from tests.test_settings import start

WEB = "-m uvicorn --factory tests.failing:application --log-level warning --port"
WORKER = "-m celery -q -A project worker -I tests.failing -Q mail -c 1 --without-gossip --without-mingle"


@pytest.fixture
def sentry() -> Iterator[Receiver]:
    with receiving() as receiver:
        receiver.answers = [(200, {}, "{}")]
        yield receiver


@contextmanager
def running(sentry: Receiver, *command: str) -> Iterator[None]:
    dsn = sentry.url.replace("http://", "http://key@") + "/1"
    env = {**os.environ, "DATABASE_URL": database_url(), "SENTRY_DSN": dsn}
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def events(sentry: Receiver) -> list[dict[str, Any]]:
    """The errors in the envelopes that the server has got."""
    bodies = [
        gzip.decompress(c.body) if "gzip" in c.headers.get("content-encoding", "") else c.body for c in sentry.calls
    ]
    items = [json.loads(line) for body in bodies for line in body.splitlines()]
    return [item for item in items if "exception" in item]


def only_event(sentry: Receiver) -> dict[str, Any]:
    until(lambda: events(sentry), "no error was sent")
    [event] = events(sentry)
    [error] = event["exception"]["values"]
    assert (error["type"], error["value"]) == ("ZeroDivisionError", "a bug")
    assert [frame["function"] for frame in error["stacktrace"]["frames"]][-1] == "fail"
    return event


@pytest.mark.django_db(transaction=True)
def test_the_error_of_a_page_is_sent_with_its_id_and_without_the_request(sentry: Receiver) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(sentry, *WEB.split(), str(port)):
        until(lambda: is_up(f"{url}/livez/"), "the site does not start")
        headers = {"x-request-id": "request-1", "cookie": "visitor=secret-cookie", "user-agent": "secret-browser"}
        assert httpx.get(f"{url}/fails/secret-token/?q=secret-query", headers=headers, timeout=60).status_code == 500
        event = only_event(sentry)
    assert event["tags"]["correlation_id"] == "request-1"
    assert event["transaction"] == "/fails/{token}/"
    assert "secret" not in json.dumps(without_source(event))


@pytest.mark.django_db(transaction=True)
def test_the_error_of_a_task_is_sent_with_the_id_of_its_cause_and_without_its_arguments(sentry: Receiver) -> None:
    with running(sentry, *WORKER.split()):
        with correlation.bound("cause-1"):
            failing.task.apply_async(["secret-argument"], queue="mail")
        event = only_event(sentry)
    assert event["tags"]["correlation_id"] == "cause-1"
    assert event["transaction"] == "tests.failing.task"
    assert "secret" not in json.dumps(without_source(event))


def without_source(event: dict[str, Any]) -> dict[str, Any]:
    """Without the lines of code, in which the word is, too."""
    for error in event["exception"]["values"]:
        for frame in error["stacktrace"]["frames"]:
            for name in ("pre_context", "context_line", "post_context"):
                frame.pop(name, None)
    return event


def is_up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


def test_without_the_package_a_sentence_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "sentry_sdk.py").write_text("raise ImportError")
    result = start(tmp_path / "data", SENTRY_DSN="https://key@sentry.example/1", PYTHONPATH=str(tmp_path))
    assert result.returncode != 0
    assert "SENTRY_DSN needs a package: pip install -r requirements-sentry.txt." in result.stderr
    assert start(tmp_path / "data", PYTHONPATH=str(tmp_path)).returncode == 0, "nothing needs it without SENTRY_DSN"
