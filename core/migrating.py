"""Several processes start at once: one of them migrates the database, and the others wait."""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pkgutil import iter_modules
from typing import IO

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder

LOCK = 1919247464  # the number of our advisory lock in PostgreSQL
PAUSE = 0.5  # seconds between two looks
log = logging.getLogger(__name__)


@contextmanager
def one_process() -> Iterator[None]:
    """Waits until no other process is in this block, on any machine that uses this database."""
    sentence = "waiting for another process that prepares the database"
    if connection.vendor == "postgresql":
        _wait_until(lambda: _query("SELECT pg_try_advisory_lock(%s)"), sentence)
        try:
            yield
        finally:
            _query("SELECT pg_advisory_unlock(%s)")
    else:
        with (settings.DATA_DIR / "prepare.lock").open("w") as file:
            _wait_until(lambda: _lock(file), sentence)
            yield


def _query(statement: str) -> bool:
    """Short statements: one that waits would hold up CREATE INDEX CONCURRENTLY, which waits for all that run."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [LOCK])
        return bool(cursor.fetchone()[0])


def _lock(file: IO[str]) -> bool:
    """Until the file is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_until_migrated(meanwhile: Callable[[], object] = lambda: None) -> None:
    """For processes that need the tables. ``meanwhile`` is called between two looks. A database that cannot be reached
    is not waited for: pages say so."""

    def migrated() -> bool:
        meanwhile()
        return is_migrated()

    try:
        _wait_until(migrated, "waiting for the database to be migrated: run manage.py prepare")
    except DatabaseError as error:
        log.warning("nobody knows whether the database is migrated: %s", error)
    finally:
        connection.close()


def is_migrated() -> bool:
    """Whether all migrations of this code are applied. Compares names alone, which takes a hundredth of the time of
    loading them. Raises `DatabaseError`."""
    known = {
        (app.label, module.name)
        for app in apps.get_app_configs()
        for module in iter_modules([f"{app.path}/migrations"])
        if not module.name.startswith(("_", "~"))
    }
    return known <= MigrationRecorder(connection).applied_migrations().keys()


def _wait_until(condition: Callable[[], bool], sentence: str) -> None:
    """Logs the sentence once if it has to wait."""
    if condition():
        return
    log.warning(sentence)
    while not condition():
        time.sleep(PAUSE)
