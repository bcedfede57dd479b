"""Several processes write one SQLite file: each waits for its turn, and none waits for ever."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection, connections
from pytest_django import DjangoDbBlocker

from project.sqlite import base
from project.sqlite.base import DatabaseWrapper
from tests.live import until


class Other:
    """Another process's connection."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("CREATE TABLE words (word)")

    def words(self) -> list[str]:
        return [word for (word,) in self.connection.execute("SELECT word FROM words ORDER BY word")]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    with_table = Other(tmp_path / "db.sqlite3")
    yield with_table
    with_table.connection.close()


@pytest.fixture
def ours(other: Other, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[DatabaseWrapper]:
    options = {"transaction_mode": "IMMEDIATE", "timeout": 10}
    given = {"NAME": tmp_path / "db.sqlite3", "OPTIONS": options, "TIME_ZONE": None, "AUTOCOMMIT": True}
    wrapper = DatabaseWrapper({**given, "CONN_HEALTH_CHECKS": False, "CONN_MAX_AGE": None}, "ours")
    wrapper.inc_thread_sharing()
    with django_db_blocker.unblock():
        yield wrapper
    wrapper.close()


def write(ours: DatabaseWrapper, word: str) -> None:
    with ours.cursor() as cursor:
        cursor.execute("INSERT INTO words VALUES (%s)", [word])


def test_a_writer_waits_until_the_other_has_finished(
    ours: DatabaseWrapper, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    monkeypatch.setattr(base, "time", SimpleNamespace(monotonic=time.monotonic, sleep=looks.append))
    other.connection.execute("BEGIN IMMEDIATE")
    other.connection.execute("INSERT INTO words VALUES ('first')")
    with ThreadPoolExecutor(1) as thread:
        written = thread.submit(write, ours, "second")
        until(lambda: len(looks) > 20, "it does not wait")
        assert not written.done()
        other.connection.execute("COMMIT")
        written.result(60)
    assert other.words() == ["first", "second"]
    assert max(looks) < 0.01, "a look at the lock every few milliseconds"


def test_a_writer_that_hangs_is_not_waited_for_for_ever(
    ours: DatabaseWrapper, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "PATIENCE", 0.05)
    other.connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        write(ours, "never")
    other.connection.execute("COMMIT")
    write(ours, "later")
    assert other.words() == ["later"]


def test_another_error_is_not_waited_for(ours: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "PATIENCE", 1e9)
    with pytest.raises(OperationalError, match="no such table"), ours.cursor() as cursor:
        cursor.execute("INSERT INTO elsewhere VALUES (1)")


def test_the_product_uses_it_where_it_runs_on_sqlite() -> None:
    assert connection.vendor != "sqlite" or isinstance(connections["default"], DatabaseWrapper)
