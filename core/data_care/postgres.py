"""Copies of a PostgreSQL database by its own programs: pg_dump, pg_restore and psql."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from django.db import connection, connections

from core.data_care.files import DataError, compress, decompress

SUFFIX = ".dump.gz"
OURS = ["--no-owner", "--no-privileges", "--no-comments"]  # the database may belong to another user after a restore


def dump(path: Path) -> None:
    """Writes a compressed copy. Raises `DataError`."""
    options = ["--format=custom", "--compress=0", "--lock-wait-timeout=10s", *OURS]
    process = start("pg_dump", *_where(), *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout  # noqa: S101  (a pipe)
    compress(process.stdout, path)
    _finish("pg_dump", process)


def unpack(path: Path, folder: Path) -> Path:
    """Writes what `dump` has compressed into the folder. Raises `DataError` if it is damaged."""
    copy = decompress(path, folder / "unpacked.dump")
    try:
        run("pg_restore", f"--file={os.devnull}", str(copy))
    except DataError as error:
        raise DataError(f"{path} is damaged: {error}") from error
    return copy


def migrations(copy: Path) -> set[tuple[str, str]]:
    text = run("pg_restore", "--data-only", "--table=django_migrations", "--file=-", str(copy))
    rows = text.partition(" FROM stdin;\n")[2].partition("\n\\.\n")[0].splitlines()
    return {(app, name) for _, app, name, *_ in (row.split("\t") for row in rows)}


def connected() -> int:
    """The number of other connections to the database."""
    _disconnect()  # those of a pool are ours, too
    statement = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    return int(run("psql", *_where(), "--no-psqlrc", "--tuples-only", f"--command={statement}"))


def _disconnect() -> None:
    connections.close_all()
    connection.close_pool()  # type: ignore[attr-defined]  # of PostgreSQL


def replace(copy: Path) -> None:
    """Replaces all tables in one transaction. Raises `DataError`; then nothing has changed."""
    names = ", ".join(map(connection.ops.quote_name, connection.introspection.table_names()))
    drop = f"SET lock_timeout = '10s'; {f'DROP TABLE {names} CASCADE;' if names else ''}"
    _disconnect()
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output", os.devnull]
    reading = start("pg_restore", *OURS, "--file=-", str(copy), stdout=subprocess.PIPE)
    writing = start(
        "psql", *_where(), *options, f"--command={drop}", "--file=-", stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert reading.stdout and writing.stdin  # noqa: S101  (pipes)
    try:
        shutil.copyfileobj(reading.stdout, writing.stdin)
    except BrokenPipeError:
        reading.kill()
    if reading.wait():
        writing.kill()  # what it has got is not all
    problem = writing.communicate()[1].decode()
    if writing.returncode:
        raise DataError(f"The database could not be restored, and nothing has changed: {problem.strip()}")


def set_aside(name: str) -> Path:
    raise DataError("The database could not be copied first.")


def run(program: str, *arguments: str) -> str:
    """Returns what the program prints. Raises `DataError` with its message if it fails."""
    process = start(program, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return _finish(program, process)


def _finish(program: str, process: subprocess.Popen[bytes]) -> str:
    output, problem = process.communicate()
    if process.returncode:
        raise DataError(f"{program} failed: {problem.decode(errors='replace').strip()}")
    return output.decode()


def start(program: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """The password is in the environment, where other users of the machine do not see it."""
    _, password = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
    try:
        return subprocess.Popen([program, *arguments], env={**os.environ, **(password or {})}, **options)  # noqa: S603
    except FileNotFoundError as error:
        raise DataError(f"{program} is missing: install the PostgreSQL client in the version of the server.") from error


def _where() -> list[str]:
    """The arguments that name the server, the user and the database."""
    command, _ = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
    return list(command[1:])
