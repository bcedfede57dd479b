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

from tests.faults.disconnects import disconnecting_clients
from tests.faults.visitors import JSON, state
from tests.live import ROOT, Live, free_port, until

KILL = pytest.param(
    signal.SIGKILL,
    marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux can kill a child when its parent dies"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with Live(tmp_path_factory.mktemp("site")) as running:
        yield running


def failed_start(env: dict[str, str]) -> tuple[int, str]:
    """Starts a second site that is expected to exit. Returns its exit code and output."""
    done = subprocess.run(
        [sys.executable, "-m", "project.run"],
        cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, KILL])
def test_after_it_has_ended_no_process_is_left_and_the_next_start_has_all_data(
    site: Live, number: signal.Signals
) -> None:
    assert len(site.pids("")) >= 6
    with httpx.Client(base_url=site.url, headers=JSON) as visitor:
        before = state(visitor, 2)
        for post_id, liked in ((1, "1"), (2, "1"), (1, "0")):
            assert visitor.post(f"/posts/{post_id}/like/", data={"liked": liked}).status_code == 202
        with disconnecting_clients(site):
            code = site.stop(number)
        until(lambda: site.pids("") == [], lambda: f"still running: {site.pids('')}")
        assert code == (0 if number != signal.SIGKILL else -signal.SIGKILL)
        output = site.output()
        assert ("Stopping." in output) == (number != signal.SIGKILL)
        assert not re.search(r"Traceback|never retrieved|is pending!|^web +did not stop", output, re.MULTILINE), output
        site.log.write_text("")
        site.start()
        assert state(visitor, 1)["liked"] is False
        assert state(visitor, 2)["liked"] is True
        until(lambda: state(visitor, 2)["count"] == before["count"] + 1, "the pending like was not settled")


def test_a_port_in_use_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        code, output = failed_start({"DATA_DIR": str(tmp_path), "PORT": str(port)})
    assert code == 1
    assert output == f"Port {port} cannot be used (Address already in use). Try: make run PORT={port + 1}"


@pytest.mark.parametrize("port", ["tea", "99999", "-1"])
def test_an_invalid_port_is_refused_without_a_traceback(tmp_path: Path, port: str) -> None:
    code, output = failed_start({"DATA_DIR": str(tmp_path), "PORT": port})
    assert code != 0
    assert port in output
    assert "Traceback" not in output


def test_two_sites_cannot_share_a_folder(live: Live) -> None:
    folder = live.env["DATA_DIR"]
    code, output = failed_start({"DATA_DIR": folder, "PORT": str(free_port())})
    assert code == 1
    assert output == f"Redheart already runs on {folder}. Stop it first, or set DATA_DIR."
    until(live.is_healthy, "the first site is no longer healthy")
