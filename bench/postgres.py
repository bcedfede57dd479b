"""A PostgreSQL for the bench, with default settings (fsync and synchronous_commit on)."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path

from bench.servers import Servers, accepts, free_port, until


@cache
def postgres_program(name: str) -> str | None:
    """The path of a program of PostgreSQL, which on Debian is not on the PATH."""
    return shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )


def have_postgres() -> bool:
    return bool(postgres_program("postgres") and postgres_program("initdb"))


def start_postgres(servers: Servers) -> str:
    """Returns the URL of an empty database."""
    postgres, initdb = postgres_program("postgres"), postgres_program("initdb")
    if not postgres or not initdb:
        raise RuntimeError("PostgreSQL is not installed: choose the sqlite variant.")
    folder, port = servers.folder / "pg", free_port()
    folder.mkdir(mode=0o700)
    as_postgres = []
    if os.getuid() == 0:  # it refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    servers.run([*as_postgres, initdb, "-D", str(folder), "-U", "bench", "-A", "trust", "-E", "UTF8"], cwd=Path("/"))
    options = ["-D", str(folder), "-p", str(port), "-h", "127.0.0.1", "-k", ""]
    servers.start("db", [*as_postgres, postgres, *options], cwd=Path("/"))
    until(lambda: accepts(port), "PostgreSQL does not respond")
    return f"postgres://bench@127.0.0.1:{port}/postgres"
