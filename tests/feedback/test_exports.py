from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import AsyncClient, Client

from core.redis import redis
from feedback import exports, tasks
from feedback.models import Message

pytestmark = pytest.mark.django_db
NASTY = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    'a "quoted", text',
    "two\nlines",
    "한국어 😀",
    "plain",
]
Write = Callable[..., Message]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the pages were told."""
    states: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks, "push", lambda events: states.extend(json.loads(event.state) for event in events))
    return states


def run(format: str, show: str = "all") -> str:
    """The real task with the real result backend, as a worker runs it."""
    task = str(uuid4())
    result = tasks.export.apply([format, show], task_id=task)
    result.backend = tasks.export.backend
    return task


def test_csv_is_what_was_written_and_no_formula(write: Write) -> None:
    for n, text in enumerate(NASTY):
        write(text, email=f"a{n}@example.com")
    task = run("csv")
    with exports.path(task, "csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"].removeprefix("'") for row in rows] == NASTY
    assert [row["text"][0] for row in rows[:7]] == ["'"] * 7
    assert rows[0].keys() == set(exports.COLUMNS)


def test_json_is_exactly_what_was_written(write: Write) -> None:
    for text in NASTY:
        write(text)
    task = run("json")
    rows = json.loads(exports.path(task, "json").read_text())
    assert [row["text"] for row in rows] == NASTY
    assert rows[0]["spam"] is False and rows[0]["read_at"] is None


def test_an_empty_export_is_whole(db: None) -> None:
    assert json.loads(exports.path(run("json"), "json").read_text()) == []


def test_only_what_the_filter_shows(write: Write) -> None:
    write("seen")
    write("hidden", spam=True)
    rows = json.loads(exports.path(run("json", "open"), "json").read_text())
    assert [row["text"] for row in rows] == ["seen"]


def test_progress_moves_and_ends(heard: list[dict[str, Any]], db: None) -> None:
    Message.objects.bulk_create(Message(email="a@example.com", text="x") for _ in range(2500))
    task = run("csv")
    assert [(state["state"], state["done"]) for state in heard] == [
        ("running", 0), ("running", 1000), ("running", 2000), ("done", 2500),
    ]  # fmt: skip
    versions = [state["v"] for state in heard]
    assert versions == sorted(set(versions))
    assert exports.progress(task) == {"state": "done", "done": 2500, "total": 2500, "format": "csv"}


def test_cancel_stops_it_and_leaves_nothing(heard: list[dict[str, Any]], db: None) -> None:
    Message.objects.bulk_create(Message(email="a@example.com", text="x") for _ in range(3000))
    task = str(uuid4())
    exports.cancel(task)
    tasks.export.apply(["csv", "all"], task_id=task)
    assert heard[-1]["state"] == "cancelled" and heard[-1]["v"] == 2**53 - 1
    assert list(exports.folder().glob("*")) == []


def test_cancelled_half_way(db: None) -> None:
    Message.objects.bulk_create(Message(email="a@example.com", text="x") for _ in range(3000))

    def report(done: int, total: int) -> None:
        if done == 2000:
            raise exports.Cancelled

    with pytest.raises(exports.Cancelled):
        exports.write("t", "csv", "all", report)
    assert list(exports.folder().glob("*")) == []


def test_the_pages(desk: Client, client: Client, mina: User, write: Write) -> None:
    write()
    location = desk.post("/inbox/export/", {"format": "csv", "show": "all"})["Location"]
    assert b'data-export="running"' in desk.get(location).content
    assert redis().llen("mail\x06\x169") == 1, "behind all mails"
    task = location.split("/")[-2]
    desk.post(f"{location}cancel/")
    assert exports.cancelled(task)
    for path in (location, "/inbox/export/", f"/inbox/export/{task}.csv", "/inbox/mails/", "/inbox/lesson/"):
        assert client.get(path).status_code == 302
        client.force_login(mina)
        assert client.get(path).status_code == 403
        client.logout()
    assert desk.get(f"/inbox/export/{uuid4()}/").status_code == 404
    assert desk.get(f"/inbox/export/{uuid4()}.csv").status_code == 404
    assert desk.post("/inbox/export/", {"format": "../x"}).status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_the_file_is_handed_to_the_team(staff: User) -> None:
    task = str(uuid4())
    exports.folder().mkdir()
    exports.path(task, "csv").write_text("a,b\n")
    client = AsyncClient()
    await client.aforce_login(staff)
    response = await client.get(f"/inbox/export/{task}.csv")
    assert b"".join([piece async for piece in response.streaming_content]) == b"a,b\n"  # type: ignore[attr-defined]
    assert response["Content-Disposition"] == 'attachment; filename="feedback.csv"'
    assert b"4\xc2\xa0bytes" in (await client.get("/inbox/export/")).content


def test_files_are_kept_for_a_day(db: None) -> None:
    exports.folder().mkdir()
    old, new = exports.path("old", "csv"), exports.path("new", "csv")
    old.touch()
    new.touch()
    os.utime(old, (time.time() - exports.DAY - 5,) * 2)
    tasks.forget_exports()
    assert not old.exists() and new.exists()


def many(rows: int) -> None:
    """So many messages by doubling a few inside the database."""
    text = "A message of an ordinary length, which is about two lines of a letter. " * 4
    Message.objects.bulk_create(Message(email="a@example.com", text=text) for _ in range(1000))
    copied = [f.column for f in Message._meta.concrete_fields if f.column not in ("id", "token", "key")]
    names = ", ".join(filter(None, copied))
    with connection.cursor() as cursor:
        while (count := Message.objects.count()) < rows:
            cursor.execute(
                f"INSERT INTO feedback_message (token, key, {names}) "  # noqa: S608
                f"SELECT 't{count}-' || id, 'k{count}-' || id, {names} FROM feedback_message LIMIT {rows - count}"
            )


@pytest.mark.django_db(transaction=True)
def test_a_hundred_thousand_rows_stay_below_100_mb(tmp_path: Path) -> None:
    """In a process of its own: the interpreter, Django, Celery and the export, which adds next to nothing."""
    many(100_000)
    code = (
        "import django; django.setup()\n"
        "from feedback import exports\n"
        "def peak(): print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
        "peak()\n"
        "for kind in exports.KINDS: print(exports.write('t', kind, 'all', lambda done, total: None))\n"
        "peak()"
    )
    name = connection.settings_dict["NAME"]
    url = os.environ.get("DATABASE_URL", "")
    url = f"{url.rpartition('/')[0]}/{name}" if url.startswith("postgres") else f"sqlite:///{name}"
    env = {**os.environ, "DATABASE_URL": url, "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "project.settings"}
    said = subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True).stdout
    before, first, second, after = map(int, re.findall(r"\d+", said))
    assert first == second == 100_000
    assert after - before < 20 * 1024 and after < 100 * 1024, f"{after} kB in all, {before} kB before"
