"""A whole site, started as a user starts it: ``python -m project.run`` with its own folder, used only from outside."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg

ROOT = Path(__file__).resolve().parent.parent


def until(condition: Callable[[], object], failure: str | Callable[[], str], seconds: float = 60) -> None:
    """Waits until the condition is true; fails with the message after the time, which allows for a busy machine."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, failure if isinstance(failure, str) else failure()
        time.sleep(0.02)


def free_port() -> int:
    """A port that nobody listens on, below the range that the system uses for outgoing connections."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Site(Protocol):
    """What visitors need to know of a running site."""

    url: str


def migrated(folder: Path) -> dict[str, str]:
    """The environment of a process on its own, with a SQLite database in this folder: without its tables it waits."""
    env = {**os.environ, "DATA_DIR": str(folder), "DATABASE_URL": ""}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=env, check=True)
    return env


class Live:
    """A running site. If the suite runs with ``DATABASE_URL``, the site gets a new PostgreSQL database."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "run.log"
        self.database = self._new_database(os.environ.get("DATABASE_URL", ""))
        self.env = {**os.environ, "DATA_DIR": str(folder / "data"), "DATABASE_URL": self.database, **env}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Live:
        try:
            self.start()
        except BaseException:
            self.stop(signal.SIGKILL)
            raise
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.drop_database()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "project.run", "--port", str(self.port)],
                cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(self._ready, lambda: f"not ready:\n{self.output()}", 120)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _ready(self) -> bool:
        assert self.running(), self.output()
        return self.is_healthy()

    def stop(self, number: int = signal.SIGINT) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(120)

    def is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz/", timeout=30).status_code == 200
        except httpx.HTTPError:
            return False

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def emails(self) -> list[str]:
        """The emails that the site has captured, as they would be sent."""
        statement = "SELECT content FROM feedback_capturedemail ORDER BY id"
        if self.database:
            with psycopg.connect(self.database) as connection:
                rows = connection.execute(statement).fetchall()
        else:
            with contextlib.closing(sqlite3.connect(Path(self.env["DATA_DIR"], "redheart.sqlite3"))) as connection:
                rows = connection.execute(statement).fetchall()
        return [bytes(content).decode() for (content,) in rows]

    def pids(self, part: str) -> list[int]:
        """The ids of the processes of this site whose command line contains ``part``."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and (entry / "environ").exists():
                try:
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    ours = f"DATA_DIR={self.env['DATA_DIR']}".encode() in (entry / "environ").read_bytes().split(b"\0")
                    # Valkey overwrites its environment with its title, but its working directory is in our folder.
                    ours |= os.readlink(entry / "cwd").startswith(self.env["DATA_DIR"])
                except (OSError, ProcessLookupError):
                    continue
                if ours and part in command:
                    found.append(int(entry.name))
        return found

    def kill(self, part: str) -> None:
        pids = self.pids(part)
        assert pids, f"no process {part}"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def _new_database(self, url: str) -> str:
        if not url.startswith("postgres"):
            return ""
        name = f"redheart_live_{os.getpid()}_{self.port}"
        self._admin(f'CREATE DATABASE "{name}"')
        self._admin(f'ALTER DATABASE "{name}" SET synchronous_commit = off')  # only a crash of the machine needs it
        return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))

    def drop_database(self) -> None:
        if self.database:
            self._admin(f'DROP DATABASE "{urlsplit(self.database).path[1:]}" WITH (FORCE)')

    def _admin(self, statement: str) -> None:
        url = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres"))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)
