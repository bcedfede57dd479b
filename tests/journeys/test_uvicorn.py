"""uvicorn as a second web process, as in docs/self-hosting.md: a click in one is shown by both."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.live import ROOT, Live, free_port, until

JSON = {"accept": "application/json"}
POST = "/posts/2/"
OPTIONS = ["--ws-per-message-deflate", "false"]


@pytest.fixture
def second(live: Live) -> Iterator[str]:
    """The address of uvicorn."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", *OPTIONS, "--port", str(port), "project.asgi:application"]
    process = subprocess.Popen(command, cwd=ROOT, env=live.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
