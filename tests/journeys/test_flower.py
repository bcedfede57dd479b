"""``make flower`` beside a running site."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live import ROOT, Live, free_port, until

QUEUES = {"likes", "mail", "deliveries"}


def tasks_of_workers(client: httpx.Client) -> dict[str, int]:
    """How many tasks each worker has done while Flower watched."""
    try:
        workers: list[dict[str, Any]] = client.get("/workers", params={"json": "1"}).json()["data"]
    except httpx.HTTPError:
        return {}
    return {each["hostname"].partition("-")[0]: each.get("task-succeeded", 0) for each in workers}


def test_make_flower_shows_the_workers_of_the_site_and_their_tasks(live: Live, tmp_path: Path) -> None:
    if not os.environ.get("CI"):
        pytest.importorskip("flower", reason="make .venv/flower installs it")
    port = free_port()
    # With the packages of this environment: nothing is installed.
    command = [
        "make",
        "--assume-old=.venv/flower",
        "flower",
        f"BIN={Path(sys.executable).parent}",
        f"FLOWER_PORT={port}",
    ]
    with (tmp_path / "flower.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=live.env, stdout=log, stderr=log, start_new_session=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            until(
                lambda: {worker for worker, tasks in tasks_of_workers(client).items() if tasks} == QUEUES,
                lambda: f"{tasks_of_workers(client)}\n{(tmp_path / 'flower.log').read_text()}",
            )
            assert client.get("/broker").status_code == 200
            assert client.get("/api/workers").status_code == 401, "others on this machine could stop workers"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
