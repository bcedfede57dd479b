"""A restart of a running site: `make restart`."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from project import restart
from project.supervisor import Process
from tests.faults.visitors import Visitors
from tests.live import ROOT, Live, free_port, migrated, until


def run_restart(env: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "project.restart"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


@contextmanager
def visiting(site: Live) -> Iterator[list[str]]:
    """Asks for pages all the time, each on a connection of its own. Yields the errors."""
    stop, errors = Event(), list[str]()

    def visit() -> None:
        while not stop.is_set():
            try:
                httpx.get(f"{site.url}/", timeout=60).raise_for_status()
            except httpx.HTTPError as error:
                errors.append(repr(error))

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(visit) for _ in range(4)]
        try:
            yield errors
        finally:
            stop.set()
    for job in jobs:
        job.result()


def close_code(page: ClientConnection) -> int | None:
    """Reads until the server closes the connection."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            page.recv(120)
    return closed.value.rcvd.code if closed.value.rcvd else None


def test_a_restart_replaces_every_process_and_no_request_fails(live: Live) -> None:
    names, restarts = ("daphne", "celery", "project.fork_server"), live.output().count("restarted")
    processes = [pid for name in names for pid in live.pids(name)]
    visitors = Visitors(live)
    with ThreadPoolExecutor(1) as pool, connect(f"{live.url.replace('http', 'ws')}/live/?topic=post.1") as page:
        code = pool.submit(close_code, page)
        with visiting(live) as errors, visitors.clicking():
            assert run_restart(live.env) == (0, "Restarting; the log of the site says when it is done.\n")
            until(lambda: live.output().count("restarted") > restarts, "not restarted")
        assert errors == []
        assert code.result(10) == 1012, "the code after which a page reconnects"
    visitors.expect_nothing_lost()
    assert set(processes).isdisjoint(live.pids(""))
    until(live.is_healthy, "not healthy")
    visitors.close()


@contextmanager
def web_process(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    command = [sys.executable, "-m", "live.servers.daphne", "-v", "0", "-p", str(port), "project.asgi:application"]
    with subprocess.Popen(command, cwd=ROOT, env=migrated(folder)) as process:
        try:
            until(lambda: listens(port), "not started")
            yield process, port
        finally:
            process.kill()


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_who_has_connected_and_sent_nothing_yet_is_answered_by_a_web_process_that_stops(tmp_path: Path) -> None:
    with web_process(tmp_path) as (process, port), socket.create_connection(("127.0.0.1", port), 60) as client:
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/livez/").is_success, "not answered")  # connected later
        process.terminate()
        until(lambda: not listens(port), "still listening")
        client.sendall(b"GET /livez/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response = client.recv(65536)
        assert response.startswith(b"HTTP/1.1 200 ") and b"\r\nconnection: close\r\n" in response.lower()
        assert client.recv(65536) == b""
        assert process.wait(60) == 0


def test_who_sends_nothing_does_not_keep_a_web_process_from_stopping(tmp_path: Path) -> None:
    with web_process(tmp_path) as (process, port), socket.create_connection(("127.0.0.1", port), 60) as client:
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/livez/").is_success, "not answered")  # connected later
        process.terminate()
        assert client.recv(1) == b""
        assert process.wait(60) == 0


def test_without_a_running_site_a_restart_says_so(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        code, output = run_restart({**os.environ, "DATA_DIR": str(folder)})
        assert (code, output) == (1, f"Redheart does not run on {folder}.\n")


ANSWERS = """
import os, socket, time
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"1", os.environ["NOTIFY_SOCKET"])
time.sleep(600)
"""
HANGS = "import time; time.sleep(600)"


@pytest.mark.parametrize("problem", ["hangs", "cannot migrate"])
def test_if_the_new_code_does_not_work_the_old_web_process_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(restart, "log", lambda name, line: logged.append(line))
    monkeypatch.setattr(restart, "START_LIMIT", 2.0)
    for name, code in (("answers", ANSWERS), ("hangs", HANGS)):
        (tmp_path / f"{name}.py").write_text(code)

    def start(script: str) -> Process:
        return Process("web", f"{sys.executable} {tmp_path}/{script}.py", notify_path=tmp_path / script)

    async def prepare() -> None:
        if problem == "cannot migrate":
            raise SystemExit("The database cannot be migrated.")

    async def run() -> bool:
        old = start("answers")
        await asyncio.wait_for(old.answered.wait(), 60)
        processes = [old]
        await restart.replace_all(processes, lambda name: start("hangs"), prepare)
        kept = processes == [old] and old.running is not None and old.running.returncode is None
        await old.stop()
        return kept

    assert asyncio.run(run())
    [line] = logged
    reason = {"hangs": "the new web process does not answer, so the old one stays"}
    assert line == f"restart ended: {reason.get(problem, 'The database cannot be migrated.')}"
