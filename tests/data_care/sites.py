"""Sites that do not run: a folder and a database of their own, for ``manage.py``."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.live import ROOT

POSTGRES = os.environ.get("DATABASE_URL", "")


class Site:
    def __init__(self, folder: Path, database: str = "", **env: str) -> None:
        """``database`` is a URL; without one it is SQLite in the folder."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self.folder = folder
        self.env = {**os.environ, "DATA_DIR": str(folder), "DATABASE_URL": database, **env}

    def run(self, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, input=input)

    def __call__(self, *arguments: str, input: str | None = None) -> str:
        """What the command prints; it must succeed."""
        done = self.run(*arguments, input=input)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refuses(self, *arguments: str) -> str:
        """The sentence with which the command is refused."""
        done = self.run(*arguments)
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
        return done.stderr.removeprefix("CommandError: ").strip()

    def shell(self, code: str) -> str:
        return self("shell", "-v", "0", "-c", code).strip()


@contextmanager
def new_site(folder: Path, *, postgres: bool, **env: str) -> Iterator[Site]:
    """A site with an empty database, without tables."""
    if not postgres:
        yield Site(folder, **env)
        return
    name = f"redheart_data_{uuid.uuid4().hex[:12]}"
    admin(f'CREATE DATABASE "{name}"')
    try:
        yield Site(folder, urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}")), **env)
    finally:
        admin(f'DROP DATABASE "{name}" WITH (FORCE)')


def admin(statement: str) -> None:
    url = urlunsplit(urlsplit(POSTGRES)._replace(path="/postgres"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
