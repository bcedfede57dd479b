"""Copies of a SQLite database by SQLite's backup API: consistent while others write."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from django.db import connection, connections

from core.data_care.files import DataError, compress, decompress

SUFFIX = ".sqlite3.gz"


def database() -> Path:
    return Path(connection.settings_dict["NAME"])


def dump(path: Path) -> None:
    """Writes a compressed copy. Raises `DataError` if the database is damaged."""
    copy = path.with_suffix(".copy")
    try:
        copy.touch(mode=0o600)
        _copy(database(), copy)
        with copy.open("rb") as source:
            compress(source, path)
    except sqlite3.Error as error:
        raise DataError(f"The database could not be copied: {error}.") from error
    finally:
        copy.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode = DELETE")  # one file


def unpack(path: Path, folder: Path) -> Path:
    """Writes the database in a backup into the folder. Raises `DataError` if it is damaged."""
    copy = decompress(path, folder / "unpacked.sqlite3")
    try:
        with closing(sqlite3.connect(copy)) as reading:
            [found] = reading.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        raise DataError(f"{path} is damaged: {error}.") from error
    if found != "ok":
        raise DataError(f"{path} is damaged: {found}.")
    return copy


def migrations(copy: Path) -> set[tuple[str, str]]:
    """The migrations of the database that `unpack` has written: app and name."""
    with closing(sqlite3.connect(copy)) as reading:
        return set(reading.execute("SELECT app, name FROM django_migrations"))


def connected() -> int:
    """The number of other connections: SQLite does not say."""
    return 0


def replace(copy: Path) -> None:
    """Replaces the content of the database in one transaction."""
    connections.close_all()
    with closing(sqlite3.connect(copy)) as reading, closing(sqlite3.connect(database(), timeout=10)) as writing:
        reading.backup(writing)


def set_aside(name: str) -> Path:
    """Renames a database that cannot be read, so that a new one takes its place. Returns its new path."""
    connections.close_all()
    for suffix in ("-wal", "-shm", ""):
        if (file := Path(f"{database()}{suffix}")).exists():
            file.rename(f"{database()}.{name}{suffix}")
    return Path(f"{database()}.{name}")
