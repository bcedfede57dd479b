"""Sites for ``make faults``: on PostgreSQL, behind proxies, with another clock, on a small disk."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from project.redis_server import socket_path
from tests.faults.proxy import Proxy
from tests.live import ROOT, Live, until
from tests.rabbitmq import PORT, rabbitmq_for_us_alone

POSTGRES = os.environ.get("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")


@contextmanager
def on_postgres(folder: Path, through: list[Proxy] | None = None) -> Iterator[Live]:
    """A site on PostgreSQL; ``through`` gets the proxy that its connections go through."""
    before = os.environ.get("DATABASE_URL", "")
    os.environ["DATABASE_URL"] = POSTGRES
    try:
        site = Live(folder)
        if through is not None:
            url = urlsplit(site.database)
            through.append(Proxy(url.port or 5432))
            host = url.netloc.rpartition(":")[0]
            site.env["DATABASE_URL"] = url._replace(netloc=f"{host}:{through[-1].port}").geturl()
        with site:
            yield site
    finally:
        os.environ["DATABASE_URL"] = before


@contextmanager
def behind_redis_proxy(folder: Path, proxies: list[Proxy]) -> Iterator[Live]:
    (folder / "server").mkdir()
    env = {**os.environ, "DATA_DIR": str(folder / "server")}
    server = subprocess.Popen([sys.executable, "-m", "project.redis_server"], cwd=ROOT, env=env)
    try:
        until(socket_path(folder / "server").exists, "the server does not start")
        proxies.append(Proxy(socket_path(folder / "server")))
        with Live(folder, REDIS_URL=f"redis://127.0.0.1:{proxies[-1].port}/0") as site:
            yield site
    finally:
        server.terminate()
        server.wait(60)


@contextmanager
def behind_rabbitmq_proxy(folder: Path, proxies: list[Proxy]) -> Iterator[Live]:
    with rabbitmq_for_us_alone() as url:
        proxies.append(Proxy(PORT))
        with Live(folder, CELERY_BROKER_URL=url.replace(f":{PORT}", f":{proxies[-1].port}")) as site:
            yield site


@contextmanager
def with_other_clock(folder: Path, parts: str = "celery,daphne") -> Iterator[Live]:
    """A site whose processes, or some of them, read the error of their clock from a file."""
    (folder / "clock").write_text("0")
    path = str(ROOT / "tests/faults/clock")
    with Live(folder, PYTHONPATH=path, CLOCK=str(folder / "clock"), CLOCK_PARTS=parts) as site:
        yield site


@contextmanager
def on_a_small_disk(folder: Path) -> Iterator[Live]:
    disk = folder / "data"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=700", "tmpfs", disk], check=True)
    try:
        with Live(folder) as site:
            yield site
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
