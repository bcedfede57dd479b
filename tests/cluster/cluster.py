"""A site on two machines that share nothing but PostgreSQL, Redis and RabbitMQ, behind nginx.

Each machine is a folder: its DATA_DIR. The processes are those of the Procfile, and uvicorn as the second web process.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
from redis import Redis

from project import run
from project.redis_server import socket_path
from tests.cluster import nginx
from tests.live import ROOT, free_port, until
from tests.rabbitmq import rabbitmq_for_us_alone

POSTGRES = os.environ.get("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
UVICORN = (
    "python -m uvicorn --log-level warning --ws live.servers.uvicorn:LeanWebSocket --port ${PORT} "
    "project.asgi:application"
)
MACHINES = {
    "a": ("web", "worker-likes", "worker-likes", "worker-mail", "worker-deliveries", "beat"),
    "b": ("uvicorn", "worker-likes", "worker-mail", "beat"),
}
KEY = "the same on all machines of the cluster"
BIN = Path(sys.executable).parent
STOP_TIMEOUT = 60  # seconds


class Part:
    """One process of a machine."""

    def __init__(self, name: str, command: str, env: dict[str, str], log: Path) -> None:
        self.name, self.command, self.log = name, command, log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = env | {"PORT": str(self.port), "LISTEN": "127.0.0.1", "PATH": f"{BIN}:{env['PATH']}"}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", f"exec {self.command}"],
                cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def is_ready(self, redis: Redis) -> bool:
        """A web process answers; any other has reported itself to Redis."""
        assert self.process and self.process.poll() is None, f"{self.name} has ended:\n{self.output()}"
        if "web" not in self.name:
            return bool(redis.exists(f"redheart:process:{socket.gethostname()}:{self.process.pid}"))
        try:
            return httpx.get(f"{self.url}/livez/", timeout=30).is_success
        except httpx.TransportError:
            return False

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(STOP_TIMEOUT)

    def output(self) -> str:
        return self.log.read_text(errors="replace")


class Cluster:
    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder, self.env = folder, env
        self.redis = Redis.from_url(env["REDIS_URL"])
        self.parts = [
            self._part(machine, name, n) for machine, names in MACHINES.items() for n, name in enumerate(names)
        ]
        self.web = [part for part in self.parts if "web" in part.name]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def _part(self, machine: str, line: str, number: int) -> Part:
        commands = run.read_procfile() | {"uvicorn": UVICORN}
        data_dir = self.folder / machine
        data_dir.mkdir(mode=0o700, exist_ok=True)
        name = f"{machine} {line.replace('uvicorn', 'web-uvicorn')}"
        log = self.folder / f"{machine}-{line}-{number}.log"
        return Part(name, commands[line], self.env | {"DATA_DIR": str(data_dir), "WEB_OPTIONS": ""}, log)

    def prepare(self) -> list[subprocess.CompletedProcess[str]]:
        """Migrates the empty database, from both machines at once."""

        def prepare(machine: str) -> subprocess.CompletedProcess[str]:
            env = self.env | {"DATA_DIR": str(self.folder / machine)}
            command = [sys.executable, "manage.py", "prepare"]
            return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)

        with ThreadPoolExecutor() as pool:
            return list(pool.map(prepare, MACHINES))

    def start(self) -> None:
        for part in self.parts:
            part.start()
        for part in self.parts:
            self.wait(part)

    def wait(self, part: Part) -> None:
        until(lambda: part.is_ready(self.redis), lambda: f"{part.name} is not ready:\n{part.output()}", 120)

    def restart(self, part: Part) -> None:
        part.stop()
        part.start()
        self.wait(part)

    def output(self) -> str:
        return "".join(f"== {part.name}\n{part.output()}" for part in self.parts)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster that is running, with an empty database that both machines have prepared at once."""
    with postgres() as database, redis_server(folder / "redis") as redis_url, rabbitmq_for_us_alone() as broker_url:
        urls = {
            "DATABASE_URL": database,
            "REDIS_URL": redis_url,
            "CELERY_BROKER_URL": broker_url,
        }
        found = Cluster(
            folder, {**os.environ, **urls, "SECRET_KEY": "the same on all machines of the cluster, 0123456789"}
        )
        try:
            for done in found.prepare():
                assert done.returncode == 0, done.stdout + done.stderr
            found.start()
            with nginx.running(folder, found.port, [part.port for part in found.web]):
                until(lambda: httpx.get(f"{found.url}/healthz/", timeout=30).is_success, found.output, 120)
                yield found
        finally:
            for part in found.parts:
                part.stop(signal.SIGKILL)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a new database."""
    url = urlsplit(POSTGRES)
    name = f"redheart_cluster_{os.getpid()}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield url._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The URL of a new Redis."""
    folder.mkdir(mode=0o700)
    env = {**os.environ, "DATA_DIR": str(folder)}
    server = subprocess.Popen([sys.executable, "-m", "project.redis_server"], cwd=ROOT, env=env)
    try:
        until(socket_path(folder).exists, "Redis does not start")
        yield f"unix://{socket_path(folder)}"
    finally:
        server.terminate()
        server.wait(STOP_TIMEOUT)
        shutil.rmtree(folder, ignore_errors=True)
