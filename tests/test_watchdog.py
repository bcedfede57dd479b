"""A worker tells its supervisor that it is alive, unless one of its tasks hangs."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.signals import task_postrun, task_prerun

from core import watchdog
from core.tasks import report_alive
from project import supervisor as supervising


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def test_a_worker_whose_task_hangs_does_not_ping(supervisor: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "INTERVAL", 0.01)
    watchdog.task_started("1", task=report_alive)
    watchdog.start()
    assert supervisor.recv(100) == b"READY=1\nWATCHDOG=1", "a task that has just been started"
    watchdog.running["1"] = watchdog.Running("late", time.monotonic() - watchdog.MAX_TASK - 1)
    supervisor.settimeout(0.5)
    with pytest.raises(TimeoutError):
        while True:  # those that were on their way
            supervisor.recv(100)
    supervisor.settimeout(60)
    watchdog.task_ended("1")
    assert supervisor.recv(100) == b"READY=1\nWATCHDOG=1"


def test_every_task_of_a_worker_is_known_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr("core.heartbeats.report_worker", lambda queue: seen.append(len(watchdog.running)))
    task_prerun.connect(watchdog.task_started)
    task_postrun.connect(watchdog.task_ended)
    report_alive.apply(args=["likes"])
    assert (seen, watchdog.running) == ([1], {})


HANGS = """
import os, socket, time
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"1", os.environ["NOTIFY_SOCKET"])
time.sleep(600)
"""


def test_a_process_that_hangs_is_given_more_time_after_each_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(supervising, "SILENCE", 1.0)
    monkeypatch.setattr(supervising, "START_LIMIT", 0.0)
    monkeypatch.setattr(supervising, "log", lambda name, line: logged.append(line))
    (tmp_path / "hangs.py").write_text(HANGS)

    async def run() -> None:
        process = supervising.Process("x", f"{sys.executable} {tmp_path}/hangs.py", notify_path=tmp_path / "notify")
        while sum("is killed" in line for line in logged) < 3:
            await asyncio.sleep(0.05)
        await process.stop()

    asyncio.run(asyncio.wait_for(run(), 60))
    kills = [line for line in logged if "is killed" in line]
    assert kills[:3] == [f"has not answered for {seconds} s and is killed" for seconds in (1, 2, 4)]


STARTS = """
import os, pathlib, socket, sys, time
with open(sys.argv[1], "a") as file:
    file.write("started\\n")
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"X_REDHEART_PAUSE=me", os.environ["NOTIFY_SOCKET"])
time.sleep(600)
"""


@pytest.mark.parametrize(("seconds", "starts"), [(0.5, 3), (500, 1)])
def test_a_process_that_requests_a_pause_is_started_again_after_it(tmp_path: Path, seconds: float, starts: int) -> None:
    """Each start requests a pause. Stopping does not wait for its end."""
    (tmp_path / "starts.py").write_text(STARTS)
    log = tmp_path / "log"
    requests: list[str] = []

    async def run() -> None:
        def pause(text: str) -> None:
            requests.append(text)
            process.pause(seconds)

        command = f"{sys.executable} {tmp_path}/starts.py {log}"
        process = supervising.Process("x", command, notify_path=tmp_path / "notify", requested=pause)
        while len(requests) < starts:
            await asyncio.sleep(0.05)
        await process.stop()

    asyncio.run(asyncio.wait_for(run(), 60))
    assert requests == ["X_REDHEART_PAUSE=me"] * starts
    assert log.read_text().count("started") == starts
