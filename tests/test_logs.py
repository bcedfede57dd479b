"""What is printed: LOG says how much, LOG_FORMAT in which form."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from django.test import Client

from core import correlation
from project import log_formats, output
from tests.live import ROOT

TIME = "2026-08-01T09:30:00Z"


@pytest.fixture(autouse=True)
def without_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)


def record(message: str = "saved", level: int = logging.INFO, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    made = logging.LogRecord("likes.tasks", level, "tasks.py", 1, message + " %d", (7,), info)
    made.created = datetime.fromisoformat(TIME).timestamp()
    return made


def test_a_line_of_text_begins_with_the_time_and_ends_with_the_id_if_there_is_one() -> None:
    assert log_formats.text().format(record()) == f"{TIME} I likes.tasks: saved 7"
    with correlation.bound("a-1"):
        assert log_formats.text().format(record()) == f"{TIME} I likes.tasks: saved 7 correlation_id=a-1"


def test_a_line_of_text_has_no_time_under_systemd_whose_journal_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1234")
    assert log_formats.text().format(record()) == "I likes.tasks: saved 7"


def test_a_traceback_follows_the_line_with_the_id() -> None:
    with correlation.bound("a-1"):
        lines = log_formats.text().format(record(error=ValueError("wrong"))).splitlines()
    assert lines == [f"{TIME} I likes.tasks: saved 7 correlation_id=a-1", "ValueError: wrong"]


def test_a_line_of_json_is_one_object() -> None:
    line = log_formats.json().format(record("이모지\n❤", logging.WARNING, ValueError("wrong")))
    assert "\n" not in line
    values = json.loads(line)
    assert values.pop("time").endswith("Z")
    assert values == {
        "level": "warning",
        "logger": "likes.tasks",
        "message": "이모지\n❤ 7",
        "exception": "ValueError: wrong",
    }
    with correlation.bound("a-1"):
        assert json.loads(log_formats.json().format(record()))["correlation_id"] == "a-1"


def printed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> list[str]:
    """What `project.run` prints when the web process says these lines."""
    found: list[str] = []
    monkeypatch.setattr(output, "say", found.append)
    for line in lines:
        output.copy("web", line)
    return found


def test_with_json_every_line_of_every_process_is_an_object_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    first, second, third = map(json.loads, printed(monkeypatch, '{"message": "a"}', "  Traceback", "", "{}"))
    assert first == {"process": "web", "message": "a"}
    assert (second["process"], second["message"], third["message"]) == ("web", "  Traceback", "{}")


def test_without_json_lines_are_printed_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, '{"message": "a"}') == ['web               {"message": "a"}']


def test_what_project_run_says_about_a_process_has_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    monkeypatch.setattr(output, "say", found.append)
    output.log("web", "stopped (1), starting again")
    assert re.fullmatch(r"web +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ stopped \(1\), starting again", found[0])
    monkeypatch.setenv("LOG_FORMAT", "json")
    output.log("web", "stopped (1), starting again")
    assert json.loads(found[1])["message"] == "stopped (1), starting again"


def test_a_wrong_host_is_one_line_that_names_it(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for host in ("evil.example", "other.example"):
        assert client.get("/", headers={"host": host}).status_code == 400
    lines = [line for line in caplog.records if line.name == "django.security.DisallowedHost"]
    assert [line.getMessage().split(".")[0] for line in lines] == [
        "Invalid HTTP_HOST header: 'evil",
        "Invalid HTTP_HOST header: 'other",
    ]
    assert {(line.msg, line.levelname, line.exc_info) for line in lines} == {("%s", "WARNING", None)}


LEVEL = "import project.celery, logging; from django.conf import settings; print(settings.LOGGING['root']['level'])"


@pytest.mark.parametrize(("value", "level"), [("", "WARNING"), ("info", "INFO"), ("DEBUG", "DEBUG")])
def test_log_is_the_level_of_what_is_printed(tmp_path: Path, value: str, level: str) -> None:
    env = {**os.environ, "DATA_DIR": str(tmp_path), "LOG": value}
    assert subprocess.check_output([sys.executable, "-c", LEVEL], cwd=ROOT, env=env, text=True).strip() == level


def test_structlog_is_loaded_only_for_json(tmp_path: Path) -> None:
    code = "import sys, django; django.setup(); print('structlog' in sys.modules, 'sentry_sdk' in sys.modules)"
    for format, expected in (("text", "False False"), ("json", "True False")):
        env = {
            **os.environ,
            "DATA_DIR": str(tmp_path),
            "LOG_FORMAT": format,
            "DJANGO_SETTINGS_MODULE": "project.settings",
        }
        assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=env, text=True).strip() == expected
