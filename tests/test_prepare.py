"""`manage.py prepare`: demo accounts in development, and a production site that refuses to start with them; several at
once, and processes that wait for it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from core.migrating import is_migrated
from tests.live import ROOT, Live, free_port, until
from tests.test_settings import clean

PRODUCTION = {"DEBUG": "0", "SECRET_KEY": "a production key" * 4, "ALLOWED_HOSTS": "redheart.example"}
PRODUCTION["EMAIL_URL"] = "smtp://mail.example"


def run(folder: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=clean(folder, **env), capture_output=True, text=True, timeout=120
    )


def test_production_does_not_start_until_the_demo_accounts_are_deleted(tmp_path: Path) -> None:
    assert run(tmp_path, "manage.py", "prepare").returncode == 0
    refused = run(tmp_path, "-m", "project.run", PORT=str(free_port()), **PRODUCTION)
    assert refused.returncode == 1
    output = refused.stdout + refused.stderr
    assert "python manage.py changepassword staff" in output
    assert "staff, mina, jun" in output
    assert "Traceback" not in output
    run(
        tmp_path, "manage.py", "shell", "-c", "from django.contrib.auth.models import User; User.objects.all().delete()"
    )
    (ROOT / "staticfiles/staticfiles.json").unlink(missing_ok=True)
    assert run(tmp_path, "manage.py", "prepare", **PRODUCTION).returncode == 0
    assert (ROOT / "staticfiles/staticfiles.json").exists(), "without the static files every page is an error"


def test_a_database_that_cannot_be_reached_is_one_sentence(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "prepare", DATABASE_URL=f"postgres://user:p@127.0.0.1:{free_port()}/name")
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: The database cannot be used: ")
    assert "Traceback" not in done.stderr


@pytest.mark.django_db
def test_production_refuses_active_staff_with_the_demo_password_and_nobody_else(settings: Settings) -> None:
    settings.DEBUG = False
    boss = User.objects.create_user("boss", password="redheart", is_staff=True)
    with pytest.raises(CommandError, match="boss"):
        call_command("prepare")
    boss.set_password("a long pass phrase")
    boss.save()
    User.objects.create_user("sora", password="redheart")
    User.objects.create_user("former", password="redheart", is_staff=True, is_active=False)
    call_command("prepare")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of processes on an empty database of the kind that the suite uses."""
    site = Live(tmp_path)  # never started
    try:
        yield clean(tmp_path, DATABASE_URL=site.database, REDIS_URL=settings.REDIS_URL, PYTHONUNBUFFERED="1")
    finally:
        site.drop_database()


def start(env: dict[str, str], *command: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=env, stdout=pipe, stderr=subprocess.STDOUT, text=True
    )


def test_three_at_once_prepare_an_empty_database_once(empty: dict[str, str]) -> None:
    together = [start(empty, "manage.py", "prepare") for _ in range(3)]
    outputs = [process.communicate(timeout=120)[0] for process in together]
    assert [process.returncode for process in together] == [0, 0, 0], outputs
    assert sum("Demo accounts" in output for output in outputs) == 1
    assert sum("waiting for another process" in output for output in outputs) == 2, outputs


SENTENCE = "W core.migrating: waiting for the database to be migrated: run manage.py prepare"
WAITING = [
    ("live.servers.daphne", "-v", "0", "-p", str(free_port()), "project.asgi:application"),
    ("celery", "-q", "-A", "project", "worker", "-Q", "likes", "-P", "solo"),
    ("celery", "-q", "-A", "project", "beat", "-s", "", "--pidfile="),
]


def test_processes_wait_with_one_line_until_the_database_is_migrated(empty: dict[str, str], tmp_path: Path) -> None:
    logs = [tmp_path / f"{number}.log" for number in range(len(WAITING))]
    with ExitStack() as stack:
        for path, module in zip(logs, WAITING, strict=True):
            log = stack.enter_context(path.open("w"))
            command = [sys.executable, "-m", *module]
            process = subprocess.Popen(command, cwd=ROOT, env=empty, stdout=log, stderr=log)
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
        until(lambda: all(SENTENCE in text for text in read(logs)), lambda: str(read(logs)))
        done = subprocess.run([sys.executable, "manage.py", "migrate"], cwd=ROOT, env=empty, capture_output=True)
        assert done.returncode == 0, "also without prepare"
        port = WAITING[0][-2]
        until(lambda: is_healthy(port), lambda: str(read(logs)))  # with a worker and beat
    assert [re.findall("[WE] .*", text) for text in read(logs)] == [[SENTENCE]] * 3, read(logs)


def read(logs: list[Path]) -> list[str]:
    return [path.read_text() for path in logs]


def is_healthy(port: str) -> bool:
    try:
        parts = httpx.get(f"http://127.0.0.1:{port}/healthz/", timeout=30).json()
    except httpx.HTTPError:
        return False
    return bool(parts["database"] == parts["beat"] == "ok" and "likes" not in parts["workers"])


@pytest.mark.parametrize("module", WAITING[1:], ids=["worker", "beat"])
def test_a_process_that_waits_can_be_stopped(empty: dict[str, str], module: tuple[str, ...]) -> None:
    worker = start(empty, "-m", *module)
    assert worker.stdout
    assert any(SENTENCE in line for line in worker.stdout)
    worker.terminate()
    worker.communicate(timeout=60)
    assert worker.returncode == 0


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_is_noticed_and_an_unknown_one_is_not() -> None:
    assert is_migrated()
    recorder = MigrationRecorder(connection)
    recorder.record_applied("likes", "9999_of_the_next_release")
    assert is_migrated()
    recorder.record_unapplied("likes", "0002_post_edited_at")
    assert not is_migrated()


@pytest.mark.django_db
def test_production_without_an_administrator_names_the_command_that_makes_one(settings: Settings) -> None:
    settings.DEBUG = False
    call_command("prepare", stdout=(output := StringIO()))
    assert "python manage.py createadmin NAME" in output.getvalue()
    User.objects.create_superuser("boss", password="a long pass phrase")
    call_command("prepare", stdout=(output := StringIO()))
    assert output.getvalue() == ""
