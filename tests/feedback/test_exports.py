from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import AsyncClient, Client
from django.utils import timezone

from core.redis import redis
from feedback import exports, tasks
from feedback.models import Export, ExportChunk, Message
from tests.outbox.workers import database_url

pytestmark = pytest.mark.django_db
TEXTS = [
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
def broadcasts(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The states that were broadcast."""
    states: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks, "broadcast", lambda events: states.extend(json.loads(event.state) for event in events))
    return states


def run(format: str, show: str = "all") -> str:
    """Runs the real task with the real result backend, as a worker does. Returns its id."""
    task_id = str(uuid4())
    result = tasks.export.apply([format, show], task_id=task_id)
    result.backend = tasks.export.backend
    return task_id


def content(task: str) -> str:
    chunks = ExportChunk.objects.filter(part=Export.objects.get(pk=task).part).order_by("number")
    return b"".join(bytes(chunk.content) for chunk in chunks).decode("utf-8-sig")


def test_a_csv_file_has_the_typed_texts_and_no_formula(write: Write) -> None:
    for n, text in enumerate(TEXTS):
        write(text, email=f"a{n}@example.com")
    rows = list(csv.DictReader(io.StringIO(content(run("csv")), newline="")))
    assert [row["text"].removeprefix("'") for row in rows] == TEXTS
    assert [row["text"][0] for row in rows[:7]] == ["'"] * 7
    assert rows[0].keys() == set(exports.COLUMNS)


def test_a_json_file_has_the_typed_texts(write: Write) -> None:
    for text in TEXTS:
        write(text)
    rows = json.loads(content(run("json")))
    assert [row["text"] for row in rows] == TEXTS
    assert rows[0]["spam"] is False and rows[0]["read_at"] is None


def test_an_export_without_messages_is_valid_json(db: None) -> None:
    assert json.loads(content(run("json"))) == []


def test_an_export_has_only_the_messages_of_its_filter(write: Write) -> None:
    write("seen")
    write("hidden", spam=True)
    rows = json.loads(content(run("json", "open")))
    assert [row["text"] for row in rows] == ["seen"]


def test_progress_is_broadcast_until_the_end(broadcasts: list[dict[str, Any]], db: None) -> None:
    Message.objects.bulk_create(Message(email="a@example.com", text="x") for _ in range(2500))
    task = run("csv")
    assert [(state["state"], state["done"]) for state in broadcasts] == [
        ("running", 0), ("running", 1000), ("running", 2000), ("done", 2500),
    ]  # fmt: skip
    versions = [state["v"] for state in broadcasts]
    assert versions == sorted(set(versions))
    assert exports.progress(task) == {"state": "done", "done": 2500, "total": 2500, "format": "csv"}


def test_a_cancelled_export_stops_and_leaves_nothing(broadcasts: list[dict[str, Any]], db: None) -> None:
    Message.objects.bulk_create(Message(email="a@example.com", text="x") for _ in range(3000))
    task = str(uuid4())
    exports.cancel(task)
    tasks.export.apply(["csv", "all"], task_id=task)
    assert broadcasts[-1]["state"] == "cancelled" and broadcasts[-1]["v"] == 2**53 - 1
    assert not Export.objects.exists() and not ExportChunk.objects.exists()


def test_an_export_cancelled_half_way_leaves_nothing(db: None) -> None:
    Message.objects.bulk_create(Message(email="a@example.com", text="x") for _ in range(3000))

    def report(done: int, total: int) -> None:
        if done == 2000:
            raise exports.Cancelled

    with pytest.raises(exports.Cancelled):
        exports.write(str(uuid4()), "csv", "all", report)
    assert not Export.objects.exists() and not ExportChunk.objects.exists()


def test_staff_start_and_cancel_an_export_and_nobody_else_does(
    staff_client: Client, client: Client, mina: User, write: Write
) -> None:
    write()
    location = staff_client.post("/inbox/export/", {"format": "csv", "show": "all"})["Location"]
    assert b'data-export="running"' in staff_client.get(location).content
    assert redis().llen("mail\x06\x169") == 1, "behind all emails"
    task = location.split("/")[-2]
    staff_client.post(f"{location}cancel/")
    assert exports.is_cancelled(task)
    for path in (location, "/inbox/export/", f"/inbox/export/{task}.csv", "/inbox/mails/", "/lessons/sync/"):
        assert client.get(path).status_code == 302
        client.force_login(mina)
        assert client.get(path).status_code == 403
        client.logout()
    assert staff_client.get(f"/inbox/export/{uuid4()}/").status_code == 404
    assert staff_client.get(f"/inbox/export/{uuid4()}.csv").status_code == 404
    assert staff_client.post("/inbox/export/", {"format": "../x"}).status_code == 404


def test_a_page_never_shows_less_than_its_version(staff_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    done = {"state": "done", "done": 9, "total": 9, "format": "csv"}
    states = iter([{"state": "running", "done": 0, "total": 9}, done])  # it ends while the page is rendered
    monkeypatch.setattr(exports, "progress", lambda task_id: next(states))
    page = staff_client.get(f"/inbox/export/{uuid4()}/").content
    assert b'data-export="done"' in page and b'data-version="1"' in page


def test_the_content_is_stored_in_pieces(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK_SIZE", 100)
    for n in range(5):
        write("x" * 20_000, email=f"a{n}@example.com")
    task = run("json")
    assert ExportChunk.objects.count() >= 5
    assert len(content(task)) == Export.objects.get().size


def test_nothing_of_an_export_can_be_downloaded_before_it_is_complete(
    staff_client: Client, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 1)
    monkeypatch.setattr(exports, "CHUNK_SIZE", 10)
    write("x" * 50_000)
    task, statuses = str(uuid4()), []

    def report(done: int, total: int) -> None:
        assert ExportChunk.objects.exists()
        statuses.append(staff_client.get(f"/inbox/export/{task}.csv").status_code)

    exports.write(task, "csv", "all", report)
    assert statuses == [404] and staff_client.get(f"/inbox/export/{task}.csv").status_code == 200
    assert staff_client.get(f"/inbox/export/{task}.json").status_code == 404


def test_an_export_that_is_deleted_while_it_is_written_ends_as_cancelled(
    broadcasts: list[dict[str, Any]], write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 1)
    monkeypatch.setattr(exports, "CHUNK_SIZE", 10)
    write("x" * 50_000)
    monkeypatch.setattr(exports, "is_cancelled", lambda task_id: exports.delete_all())
    run("csv")
    assert broadcasts[-1]["state"] == "cancelled"
    assert not Export.objects.exists() and not ExportChunk.objects.exists()


@pytest.mark.django_db(transaction=True)
async def test_staff_can_download_the_file(staff: User) -> None:
    part, task = uuid4(), uuid4()
    await ExportChunk.objects.abulk_create(
        [ExportChunk(part=part, number=number, content=content) for number, content in ((1, b",b\n"), (0, b"a"))]
    )
    await Export.objects.acreate(task_id=task, format="csv", part=part, size=4)
    client = AsyncClient()
    await client.aforce_login(staff)
    response = await client.get(f"/inbox/export/{task}.csv")
    assert b"".join([chunk async for chunk in response.streaming_content]) == b"a,b\n"  # type: ignore[attr-defined]
    assert response["Content-Disposition"] == 'attachment; filename="feedback.csv"'
    assert b"4\xc2\xa0bytes" in (await client.get("/inbox/export/")).content


def test_exports_and_what_dead_workers_have_left_are_deleted_after_a_day(write: Write) -> None:
    write()
    old, new = run("csv"), run("csv")
    half = exports.Chunks()
    half.write(b"half an export")
    day_ago = timezone.now() - timedelta(seconds=exports.KEPT + 5)
    Export.objects.filter(pk=old).update(completed_at=day_ago)
    ExportChunk.objects.exclude(part=Export.objects.get(pk=new).part).update(written_at=day_ago)
    tasks.delete_old_exports()
    assert [str(found.pk) for found in Export.objects.all()] == [new]
    assert {chunk.part for chunk in ExportChunk.objects.all()} == {Export.objects.get().part}


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_half_way_leaves_no_export(staff_client: Client) -> None:
    Message.objects.bulk_create(Message(email="a@example.com", text="x" * 1000) for _ in range(2000))
    code = (
        "import django; django.setup()\n"
        "import os, signal; from uuid import uuid4; from feedback import exports\n"
        "exports.write(str(uuid4()), 'csv', 'all', lambda done, total: done > 1000 and os.kill(os.getpid(), 9))"
    )
    env = {**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "project.settings"}
    assert subprocess.run([sys.executable, "-c", code], env=env).returncode == -signal.SIGKILL
    assert ExportChunk.objects.exists() and not Export.objects.exists()
    assert "Completed exports" not in staff_client.get("/inbox/export/").content.decode()
    ExportChunk.objects.update(written_at=timezone.now() - timedelta(seconds=exports.KEPT + 5))
    tasks.delete_old_exports()
    assert not ExportChunk.objects.exists()


def create_messages(rows: int) -> None:
    """Copies a few messages inside the database until there are so many, at most 10,000 in one statement."""
    text = "A message of an ordinary length, which is about two lines of a letter. " * 4
    Message.objects.bulk_create(Message(email="a@example.com", text=text) for _ in range(1000))
    copied = [f.column for f in Message._meta.concrete_fields if f.column not in ("id", "token", "key")]
    names = ", ".join(filter(None, copied))
    with connection.cursor() as cursor:
        while (count := Message.objects.count()) < rows:
            limit = min(rows - count, 10_000)
            cursor.execute(
                f"INSERT INTO feedback_message (token, key, {names}) "  # noqa: S608
                f"SELECT 't{count}-' || id, 'k{count}-' || id, {names} FROM feedback_message LIMIT {limit}"
            )


@pytest.mark.django_db(transaction=True)
def test_an_export_of_100_000_messages_and_its_download_need_less_than_100_mb(tmp_path: Path) -> None:
    """Peak memory of a process with Django, Celery, the export and its download."""
    create_messages(100_000)
    code = (
        "import asyncio, django; django.setup()\n"
        "from django.conf import settings; settings.DEBUG = False  # else Django keeps all statements\n"
        "from uuid import uuid4\n"
        "from feedback import exports\n"
        "from feedback.models import Export\n"
        "from feedback.views.exports import content_of\n"
        "def peak(): print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
        "async def size(part): return sum([len(piece) async for piece in content_of(part)])\n"
        "peak()\n"
        "for format in exports.FORMATS: print(exports.write(str(uuid4()), format, 'all', lambda done, total: None))\n"
        "for export in Export.objects.all(): print(asyncio.run(size(export.part)) - export.size)\n"
        "peak()"
    )
    env = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "project.settings",
    }
    output = subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True).stdout
    before, *numbers, after = map(int, re.findall(r"\d+", output))
    assert numbers == [100_000, 100_000, 0, 0]
    assert after - before < 20 * 1024 and after < 100 * 1024, f"{after} kB in all, {before} kB before"


def test_a_task_that_runs_twice_at_once_leaves_one_complete_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 1)
    for n in range(3):
        write(f"Message {n}", email=f"a{n}@example.com")
    task = str(uuid4())

    def second(done: int, total: int) -> None:
        if done == 2:
            exports.write(task, "csv", "all", lambda done, total: None)

    assert exports.write(task, "csv", "all", second) == 3
    assert ExportChunk.objects.filter(part=Export.objects.get().part).count() == ExportChunk.objects.count()
    assert len(content(task).splitlines()) == 4
