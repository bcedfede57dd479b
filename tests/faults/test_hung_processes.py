"""Processes that hang or are started again, damaged files of Redis, and a terminal that nobody reads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import httpx
import pytest

from tests.faults.page import Page
from tests.faults.visitors import JSON, POSTS, Visitors
from tests.live import ROOT, Live, free_port, until

LIKES_WORKER, WEB, BEAT = "-Q likes", "live.servers.daphne", "project beat"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with Live(tmp_path_factory.mktemp("hung")) as running:
        yield running


def stop_process(site: Live, part: str) -> int:
    """SIGSTOP: the process keeps what it has locked, and does nothing any more."""
    [pid] = site.pids(part)
    os.kill(pid, signal.SIGSTOP)
    return pid


@pytest.mark.parametrize("part", [LIKES_WORKER, WEB, BEAT])
def test_a_process_that_hangs_is_ended_and_started_again(site: Live, part: str) -> None:
    until(site.is_healthy, "not healthy")
    hung = stop_process(site, part)
    until(lambda: site.pids(part) not in ([], [hung]), f"{part} was not started again")
    until(site.is_healthy, "not healthy again")
    assert "has not answered for 10 s and is killed" in site.output()


def test_clicks_are_accepted_again_although_a_worker_hangs_with_the_database_locked(site: Live) -> None:
    until(site.is_healthy, "not healthy")
    visitors, page = Visitors(site), Page(site, POSTS)
    for visitor in visitors.all:
        visitor.may_be_refused = True
    with visitors.clicking():
        # The worker settles all the time now, so it is likely to be stopped inside a transaction.
        hung = stop_process(site, LIKES_WORKER)
        until(lambda: site.pids(LIKES_WORKER) not in ([], [hung]), "not started again")
    visitors.expect_nothing_lost()
    until(lambda: page.counts() == visitors.likes(), "the open page has not got the final counts")
    assert max(max(visitor.response_times) for visitor in visitors.all) < 25
    page.close()
    visitors.close()


def test_while_the_web_process_is_started_again_no_connection_is_refused(site: Live) -> None:
    until(site.is_healthy, "not healthy")
    stop, refused, answered = Event(), [], []

    def visit() -> None:
        while not stop.is_set():
            try:
                answered.append(httpx.get(f"{site.url}/livez/", timeout=60).status_code)
            except httpx.ConnectError as error:
                refused.append(error)
            except httpx.HTTPError:
                pass  # the request that the killed process had

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(visit) for _ in range(4)]
        for _ in range(3):
            site.kill(WEB)
            answered.clear()
            until(lambda: len(answered) > 50, "no answers any more")
        stop.set()
        for job in jobs:
            job.result(60)
    assert refused == []


def kill_and_wait(site: Live, part: str) -> None:
    [killed] = site.pids(part)
    site.kill(part)
    until(lambda: site.pids(part) not in ([], [killed]), f"{part} was not started again")


def test_a_damaged_append_only_file_is_set_aside(site: Live) -> None:
    until(site.is_healthy, "not healthy")
    folder = Path(site.env["DATA_DIR"]) / "redis/appendonlydir"
    for number, damage in enumerate((overwrite_the_middle, empty_the_manifest), 1):
        site.stop()
        damage(folder)
        site.start()
        aside = [path.name[:22] for path in folder.parent.glob("appendonlydir.*")]
        assert aside == ["appendonlydir.damaged-"] * number
        assert site.output().count("its files are damaged and now in") == number
        expect_settling(site)
    for _ in range(2):
        kill_and_wait(site, "valkey-server")
    until(site.is_healthy, "not healthy again")
    assert len([*folder.parent.glob("appendonlydir.*")]) == 2, "files that are sound stay"


def expect_settling(site: Live) -> None:
    with httpx.Client(base_url=site.url, headers=JSON) as visitor:
        before = visitor.get("/posts/2/").json()["count"]
        visitor.post("/posts/2/like/", data={"liked": "1"})
        until(lambda: visitor.get("/posts/2/").json()["count"] == before + 1, "nothing is settled")


def overwrite_the_middle(folder: Path) -> None:
    [file] = folder.glob("*.incr.aof")
    content = file.read_bytes()
    file.write_bytes(content[:30] + b"GARBAGE" * 20 + content[170:])


def empty_the_manifest(folder: Path) -> None:
    [manifest] = folder.glob("*.manifest")
    manifest.write_bytes(b"")


def test_a_terminal_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    port = free_port()
    printed = tmp_path / "printed"
    chatty = {"PYTHONPATH": str(ROOT / "tests/faults/chatty"), "CHATTY": str(printed)}
    env = {**os.environ, "DATA_DIR": str(tmp_path / "data"), **chatty}
    process = subprocess.Popen(
        [sys.executable, "-m", "project.run", "--port", str(port)], cwd=ROOT, env=env,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    def is_healthy() -> bool:
        try:
            return httpx.get(f"{url}/healthz/", timeout=30).is_success
        except httpx.HTTPError:
            return False

    try:
        until(is_healthy, "not ready", 120)
        until(printed.exists, "the web process is stopped by its own output")
        with httpx.Client(base_url=url) as client:
            for _ in range(100):
                assert client.get("/livez/").is_success
        assert is_healthy()
        started = time.monotonic()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert time.monotonic() - started < 30
