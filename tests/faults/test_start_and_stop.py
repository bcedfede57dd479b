"""Starting, stopping, and starting again: `python -m project.run`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.crowd import JSON, state
from tests.faults.passers_by import passing_by
from tests.live import ROOT, Live, free_port, until


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One folder with all that it has seen: every test starts it anew."""
    with Live(tmp_path_factory.mktemp("house")) as running:
        yield running


@pytest.fixture
def house(stopped: Live) -> Live:
    if not stopped.running():
        stopped.log.write_text("")
        stopped.start()
    return stopped


def start_beside(env: dict[str, str]) -> tuple[int, str]:
    """One more start that is expected to give up. Returns its exit code and all that it said."""
    done = subprocess.run(
        [sys.executable, "-m", "project.run"],
        cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_in_the_middle_of_work_is_quiet_and_leaves_no_process_behind(
    house: Live, number: signal.Signals
) -> None:
    assert len(house.pids("")) >= 6
    with passing_by(house):
        assert house.stop(number) == 0
    until(lambda: house.pids("") == [], lambda: f"left behind: {house.pids('')}")
    said = house.response()
    assert "Stopping." in said
    assert not re.search(r"Traceback|never retrieved|is pending!|^web +did not stop", said, re.MULTILINE), said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_even_a_killed_run_leaves_no_process_behind(house: Live) -> None:
    assert house.stop(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: house.pids("") == [], lambda: f"left behind: {house.pids('')}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_next_start_has_all_data(house: Live, number: signal.Signals) -> None:
    with httpx.Client(base_url=house.url, headers=JSON) as visitor:
        before = state(visitor, 2)
        for post, liked in ((1, "1"), (2, "1"), (1, "0")):
            assert visitor.post(f"/posts/{post}/like/", data={"liked": liked}).status_code == 202
        house.stop(number)
        until(lambda: house.pids("") == [], "left behind")
        house.start()
        assert state(visitor, 1)["liked"] is False
        assert state(visitor, 2)["liked"] is True
        until(lambda: state(visitor, 2)["count"] == before["count"] + 1, "the owed like was forgotten")


def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = start_beside({"DATA_DIR": str(tmp_path), "PORT": str(port)})
    assert code == 1
    assert said == f"Port {port} cannot be used (Address already in use). Try: make run PORT={port + 1}"


@pytest.mark.parametrize("port", ["tea", "99999", "-1"])
def test_a_port_that_is_none_is_refused_in_words(tmp_path: Path, port: str) -> None:
    code, said = start_beside({"DATA_DIR": str(tmp_path), "PORT": port})
    assert code != 0
    assert port in said
    assert "Traceback" not in said


def test_two_runs_do_not_share_a_folder(live: Live) -> None:
    folder = live.env["DATA_DIR"]
    code, said = start_beside({"DATA_DIR": folder, "PORT": str(free_port())})
    assert code == 1
    assert said == f"Redheart already runs on {folder}. Stop it first, or set DATA_DIR."
    until(live.well, "the first run is hurt")
