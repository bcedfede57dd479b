"""uvicorn as a second web process, as in docs/self-hosting.md: a click in one is shown by both."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.live import ROOT, Live, free_port, until

JSON = {"accept": "application/json"}
POST = "/posts/2/"
OPTIONS = ["--ws-per-message-deflate", "false"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "uvicorn.log"


@pytest.fixture
def second(live: Live, log: Path) -> Iterator[str]:
    """The address of uvicorn."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", *OPTIONS, "--port", str(port), "project.asgi:application"]
    with log.open("wb") as output:
        env = {**live.env, "LOG": "info"}
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)
    until(lambda: is_healthy(port), "uvicorn does not start")
    yield f"127.0.0.1:{port}"
    process.terminate()
    assert process.wait(60) in (0, -15)


def is_healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez/", timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_click_in_one_web_process_is_shown_by_the_other(live: Live, second: str) -> None:
    here = live.url.removeprefix("http://")
    for clicked, watched in ((here, second), (second, here)):
        with connect(f"ws://{watched}/live/?topic=post.2") as page:
            before = json.loads(page.recv(timeout=60))["post.2"]["count"]
            assert httpx.post(f"http://{clicked}{POST}like/", data={"liked": "1"}, headers=JSON).status_code == 202
            seen = json.loads(page.recv(timeout=60))
            while "post.2" not in seen:
                seen = json.loads(page.recv(timeout=60))
        assert seen["post.2"]["count"] == before + 1


def test_a_client_that_sends_something_is_closed(live: Live, second: str) -> None:
    with connect(f"ws://{second}/live/?topic=post.2") as page:
        page.send("hello")
        with pytest.raises(ConnectionClosed) as closed:
            list(page)
    assert closed.value.rcvd and closed.value.rcvd.code == 4400


def test_no_log_line_has_the_path_of_a_page_or_the_topics_of_a_socket(live: Live, second: str, log: Path) -> None:
    assert httpx.get(f"http://{second}/feedback/secret-token/").status_code == 404
    with connect(f"ws://{second}/live/?topic=receipt.secret-token"), suppress(ConnectionClosed):
        pass
    until(lambda: "/feedback/<slug:token>/ 404" in log.read_text(), "nothing is logged")
    assert "topic=" not in log.read_text()
    assert [line for line in log.read_text().splitlines() if "secret-token" in line and "Not Found" not in line] == []
