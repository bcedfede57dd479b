"""Faults for ``make faults``. Each is a context manager; the fault has happened when its block begins."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit

import httpx
import psycopg
from redis import Redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.faults.proxy import Proxy
from tests.faults.sites import POSTGRES
from tests.live import ROOT, Live, until

MAX_RETURN = 12  # seconds for 300 pages, one after the other; a new process needs two of them
WORKER, REDIS, WEB, BEAT = "-Q likes", "valkey-server", "live.servers", "project beat"


@contextmanager
def killed(site: Live, *parts: str, times: int = 3) -> Iterator[None]:
    for _ in range(times):
        before = {part: site.pids(part) for part in parts}
        for part in parts:
            site.kill(part)
        for part in parts:
            until(partial(is_new, site, part, before[part]), f"{part} is not started again")
        time.sleep(1)
    yield


def is_new(site: Live, part: str, before: list[int]) -> bool:
    return bool(site.pids(part)) and not set(site.pids(part)) & set(before)


@contextmanager
def stopped(site: Live, part: str, seconds: float, *, for_ever: bool = True) -> Iterator[None]:
    """The process hangs, with all that it has locked: until it is killed, or only for so long."""
    pids = site.pids(part)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in set() if for_ever else set(pids) & set(site.pids(part)):
        os.kill(pid, signal.SIGCONT)
    yield


@contextmanager
def emptied_redis(site: Live) -> Iterator[None]:
    for _ in range(5):
        with Redis.from_url(f"unix://{site.env['DATA_DIR']}/redis.sock") as client:
            client.flushall()
        time.sleep(1)
    yield


@contextmanager
def locked_sqlite(site: Live, seconds: float = 20) -> Iterator[None]:
    with sqlite3.connect(f"{site.env['DATA_DIR']}/redheart.sqlite3", timeout=30, isolation_level=None) as database:
        database.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        database.execute("ROLLBACK")
    yield


@contextmanager
def locked_row(site: Live, statement: LiteralString, seconds: float = 30) -> Iterator[None]:
    with psycopg.connect(site.database) as database:
        database.execute(f"{statement} LIMIT 1 FOR UPDATE")
        time.sleep(seconds)
    yield


@contextmanager
def killed_backends(site: Live) -> Iterator[None]:
    with psycopg.connect(POSTGRES, autocommit=True) as database:
        name = urlsplit(site.database).path[1:]
        for _ in range(3):
            database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            time.sleep(1)
    yield


@contextmanager
def read_only_postgres(site: Live, seconds: float = 20) -> Iterator[None]:
    name = urlsplit(site.database).path[1:]
    with psycopg.connect(POSTGRES, autocommit=True) as database:
        database.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        time.sleep(seconds)
        database.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    yield


@contextmanager
def silent(site: Live, proxies: list[Proxy]) -> Iterator[None]:
    """The connections of now stay open, and nothing arrives through them any more."""
    proxies[-1].silence()
    yield


@contextmanager
def held(site: Live, proxies: list[Proxy], seconds: float = 20) -> Iterator[None]:
    """Nothing arrives for so long, as if the server hung."""
    with proxies[-1].holding():
        time.sleep(seconds)
    yield


@contextmanager
def stepped_clock(site: Live, *steps: float) -> Iterator[None]:
    """The clock is off by so many seconds, one step after the other; meanwhile a confirmation is sent."""
    for step in steps:
        (site.folder / "clock").write_text(str(step))
        time.sleep(1)
        confirm(site, 30)
        time.sleep(4)
    yield


@contextmanager
def full_disk(site: Live, seconds: float = 15) -> Iterator[None]:
    filler = Path(site.env["DATA_DIR"], "filler")
    with filler.open("wb") as file:
        try:
            while True:
                file.write(b"x" * 65536)
                file.flush()
        except OSError:
            pass
    time.sleep(seconds)
    filler.unlink()
    yield


HANGING = """
from django.contrib.auth.models import User
from notifications.models import Destination
from notifications.destinations.services import send_test
staff = User.objects.get(username="staff")
for number in range(100):
    hook = Destination.objects.create(
        owner=staff, transport="webhook", name=f"{number}", address="URL", secret="whsec_" + "a" * 32)
    send_test(destination=hook)
"""


@contextmanager
def hanging_webhooks(site: Live) -> Iterator[None]:
    """A hundred webhooks that accept connections and never answer; meanwhile a confirmation is sent."""
    with socket.create_server(("127.0.0.1", 0), backlog=500) as never_accepts:
        code = HANGING.replace("URL", f"http://127.0.0.1:{never_accepts.getsockname()[1]}/")
        shell = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
        subprocess.run(shell, cwd=ROOT, env={**site.env, "PORT": str(site.port)}, check=True)
        confirm(site, 20)
        time.sleep(10)
    yield


def confirm(site: Live, seconds: float) -> None:
    """Sends feedback and waits for the confirmation. Fails if it takes longer."""
    before = len(site.emails())
    with httpx.Client(base_url=site.url, timeout=30) as client:
        client.get("/feedback/")
        token = client.cookies["csrftoken"]
        fields = {"email": "mina@example.com", "message": "Hello", "csrfmiddlewaretoken": token}
        assert client.post("/feedback/", data=fields).status_code == 303
    until(lambda: len(site.emails()) > before, f"no confirmation within {seconds} s", seconds)


@contextmanager
def herd(site: Live, pages: int = 300) -> Iterator[None]:
    """The web process is killed under 300 open pages, which all come back at once."""
    url = f"{site.url.replace('http', 'ws')}/live/?topic=post.1"
    with ExitStack() as stack:
        for _ in range(pages):
            stack.enter_context(connect(url))
        site.kill(WEB)
        come_back(stack, url, pages)
    yield


def come_back(stack: ExitStack, url: str, pages: int) -> None:
    """Opens so many pages again. Fails if one has not got its first frame in time."""
    started = time.monotonic()
    for _ in range(pages):
        stack.enter_context(connect(url, open_timeout=30)).recv(30)
    took = time.monotonic() - started
    assert took < MAX_RETURN, f"{pages} pages are back after {took:.1f} s only"


@contextmanager
def restarted(site: Live, pages: int = 300) -> Iterator[None]:
    """`make restart` under open pages, which all come back."""
    url = f"{site.url.replace('http', 'ws')}/live/?topic=post.1"
    with ExitStack() as stack:
        sockets = [stack.enter_context(connect(url)) for _ in range(pages)]
        subprocess.run([sys.executable, "-m", "project.restart"], cwd=ROOT, env=site.env, check=True)
        for opened in sockets:
            with suppress(ConnectionClosed):
                while True:
                    opened.recv(60)
        come_back(stack, url, pages)
        until(lambda: "restarted" in site.output(), "not restarted")
    yield


@contextmanager
def deaf_sockets(site: Live, pages: int = 200, seconds: float = 15) -> Iterator[None]:
    """Pages that are connected and never read."""
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    request = (
        f"GET /live/?topic=post.1&topic=post.2 HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Origin: {site.url}\r\n\r\n"
    )
    with ExitStack() as stack:
        for _ in range(pages):
            opened = stack.enter_context(socket.create_connection(("127.0.0.1", site.port)))
            opened.sendall(request.encode())
        time.sleep(seconds)
    yield


@contextmanager
def soak(site: Live, seconds: float = 60) -> Iterator[None]:
    """Nothing breaks; the memory of the web process may grow by a tenth."""

    def memory() -> int:
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in site.pids(WEB))

    time.sleep(15)
    before = memory()
    time.sleep(seconds)
    assert memory() < before * 1.1, f"{before} pages of memory grew to {memory()}"
    yield
