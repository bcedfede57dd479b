"""Several processes write one SQLite file: each waits for the lock, but not for ever."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.db import OperationalError, connection, connections
from pytest_django import DjangoDbBlocker, Settings

from core.database import lock_timeout
from project.sqlite import base
from project.sqlite.base import DatabaseWrapper, create_private
from tests.live import until


class OtherConnection:
    """The connection of another process."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("CREATE TABLE words (word)")

    def words(self) -> list[str]:
        return [word for (word,) in self.connection.execute("SELECT word FROM words ORDER BY word")]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[OtherConnection]:
    connection_with_table = OtherConnection(tmp_path / "db.sqlite3")
    yield connection_with_table
    connection_with_table.connection.close()


@pytest.fixture
def ours(other: OtherConnection, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[DatabaseWrapper]:
    options = {"transaction_mode": "IMMEDIATE", "timeout": 10}
    given = {"NAME": tmp_path / "db.sqlite3", "OPTIONS": options, "TIME_ZONE": None, "AUTOCOMMIT": True}
    wrapper = DatabaseWrapper({**given, "CONN_HEALTH_CHECKS": False, "CONN_MAX_AGE": None}, "ours")
    wrapper.inc_thread_sharing()
    with django_db_blocker.unblock():
        yield wrapper
    wrapper.close()


@pytest.fixture(autouse=True)
def usual_timeout() -> Iterator[None]:
    """Each test starts with the usual timeout."""
    token = lock_timeout.set(lock_timeout.get())
    yield
    lock_timeout.reset(token)


def write(ours: DatabaseWrapper, word: str) -> None:
    with ours.cursor() as cursor:
        cursor.execute("INSERT INTO words VALUES (%s)", [word])


def test_a_writer_waits_until_the_other_has_finished(
    ours: DatabaseWrapper, other: OtherConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(base, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pauses.append))
    other.connection.execute("BEGIN IMMEDIATE")
    other.connection.execute("INSERT INTO words VALUES ('first')")
    with ThreadPoolExecutor(1) as thread:
        written = thread.submit(write, ours, "second")
        until(lambda: len(pauses) > 20, "it does not wait")
        assert not written.done()
        other.connection.execute("COMMIT")
        written.result(60)
    assert other.words() == ["first", "second"]
    assert max(pauses) < 0.01, "an attempt every few milliseconds"


def test_after_the_timeout_the_error_is_raised(ours: DatabaseWrapper, other: OtherConnection) -> None:
    lock_timeout.set(0.05)
    other.connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        write(ours, "never")
    other.connection.execute("COMMIT")
    write(ours, "later")
    assert other.words() == ["later"]


def test_another_error_is_raised_at_once(ours: DatabaseWrapper) -> None:
    lock_timeout.set(1e9)
    with pytest.raises(OperationalError, match="no such table"), ours.cursor() as cursor:
        cursor.execute("INSERT INTO elsewhere VALUES (1)")


def busy(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY])
def test_a_busy_file_is_tried_again(code: int) -> None:
    results: list[object] = [busy(code), busy(code), "written"]

    def run() -> object:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    assert base.retry_while_busy(run) == "written"


def test_a_snapshot_that_is_out_of_date_is_not_tried_again() -> None:
    attempts: list[int] = []

    def run() -> None:
        attempts.append(1)
        raise busy(sqlite3.SQLITE_BUSY_SNAPSHOT)

    with pytest.raises(sqlite3.OperationalError):
        base.retry_while_busy(run)
    assert len(attempts) == 1


def test_executemany_waits_too(ours: DatabaseWrapper, other: OtherConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(base, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pauses.append))
    other.connection.execute("BEGIN IMMEDIATE")

    def write_many() -> None:
        rows = cast(Any, ([word] for word in ("one", "two")))  # an iterator can be read once
        with ours.cursor() as cursor:
            cursor.executemany("INSERT INTO words VALUES (%s)", rows)

    with ThreadPoolExecutor(1) as thread:
        written = thread.submit(write_many)
        until(lambda: len(pauses) > 5 or written.done(), "it does not wait")
        other.connection.execute("COMMIT")
        written.result(60)
    assert other.words() == ["one", "two"]


def test_queries_are_kept_only_with_the_setting(
    ours: DatabaseWrapper, other: OtherConnection, settings: Settings
) -> None:
    settings.DEBUG = True
    write(ours, "not kept")
    assert not ours.queries
    settings.LOG_QUERIES = True
    write(ours, "kept")
    assert [query["sql"] for query in ours.queries] == ["INSERT INTO words VALUES ('kept')"]


def test_the_site_uses_this_backend_on_sqlite() -> None:
    assert connection.vendor != "sqlite" or isinstance(connections["default"], DatabaseWrapper)


@pytest.mark.parametrize("name", ["new.sqlite3", "50% #1.sqlite3"])
def test_a_new_database_can_be_read_by_its_owner_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    create_private(str(path))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (id)")
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert len(modes) == 3 and set(modes.values()) == {0o600}


def test_no_file_is_made_for_a_database_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (":memory:", "file:memory_default?mode=memory&cache=shared", "no/such/folder/x.sqlite3"):
        create_private(name)
    assert list(tmp_path.iterdir()) == []


WRITE = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE'); print('written')"


def test_another_connection_of_a_process_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    def other_process() -> str:
        return subprocess.run([sys.executable, "-c", WRITE, path], capture_output=True, text=True).stdout.strip()

    path = str(tmp_path / "x.sqlite3")
    create_private(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    create_private(path)
    assert other_process() == ""
    holder.rollback()
    assert other_process() == "written"
    holder.close()
