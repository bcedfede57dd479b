"""A like from the click to the open pages, with the real processes that `make run` starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.live import Live, until

JSON = {"accept": "application/json"}
POST = "/posts/1/"
HANDSHAKE = {
    b"Connection": b"Upgrade",
    b"Upgrade": b"websocket",
    b"Sec-WebSocket-Version": b"13",
    b"Sec-WebSocket-Key": b"dGhlIHNhbXBsZSBub25jZQ==",
}
STAGES = ("accepted", "enqueued", "started", "stored", "broadcast")


def visitor(live: Live) -> httpx.Client:
    """A visitor who has a cookie because they have clicked once, and whose click is settled."""
    client = httpx.Client(base_url=live.url, headers=JSON, timeout=30)
    assert client.post(f"{POST}like/", data={"liked": "0"}).status_code == 202
    until(lambda: "like.1" in client.get("/live/?topic=post.1").json(), "the first click was not settled")
    return client


@contextmanager
def watch(live: Live, who: httpx.Client | None = None) -> Iterator[ClientConnection]:
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in who.cookies.items())} if who else {}
    with connect(f"{live.url.replace('http', 'ws')}/live/?topic=post.1", additional_headers=headers) as socket:
        socket.recv(timeout=60)  # the snapshot
        yield socket


def frame_with(socket: ClientConnection, name: str, **values: object) -> dict:
    """The next frame with this topic and these values: the broadcast of an earlier click may still be on its way."""
    while True:
        frame = json.loads(socket.recv(timeout=60))
        if name in frame and values.items() <= frame[name].items():
            return frame


def test_a_click_is_settled_by_the_worker_and_broadcast_to_everyone(live: Live) -> None:
    clicker = visitor(live)
    with watch(live, clicker) as page, watch(live) as others:
        before = clicker.get(POST).json()
        assert clicker.post(f"{POST}like/", data={"liked": "1"}).json() == {"post": 1, "liked": True}
        saved = frame_with(page, "like.1", liked=True)["like.1"]
        seen = frame_with(others, "post.1")
    times = [saved["journey"][stage] for stage in STAGES]
    assert saved["journey"]["task"] and times == sorted(times)
    assert "like.1" not in seen, "only the clicker gets the outcome of a click"
    after = clicker.get(POST).json()
    assert (after["count"], after["liked"]) == (before["count"] + 1, True)
    assert seen["post.1"] == {"v": after["version"], "count": after["count"]}


def test_health_is_ok_and_names_each_part(live: Live) -> None:
    until(live.is_healthy, "not healthy")
    health = httpx.get(f"{live.url}/healthz/", timeout=30).json()
    assert health["status"] == "ok"
    assert set(health) >= {"database", "redis", "workers", "pending", "drift"}


def test_the_web_process_runs_on_uvloop(live: Live) -> None:
    [web] = live.pids("live.servers.daphne")
    assert "uvloop" in Path(f"/proc/{web}/maps").read_text()


def test_invalid_requests_leave_no_traceback(live: Live) -> None:
    client = visitor(live)
    assert client.post("/posts/999999/like/", data={"liked": "1"}).status_code == 404
    assert client.post(f"{POST}like/", data={"liked": "x"}).status_code == 400
    assert client.post(f"{POST}like/", data={"liked": "1", "x": "y" * 5000}).status_code == 413
    assert (
        client.post(f"{POST}like/", data={"liked": "1"}, headers={"origin": "http://evil.example"}).status_code == 403
    )
    assert client.get(f"{POST}like/").status_code == 405
    for text, code in {"{": 4400, "[" * 1000: 4400, "[" * 10_000: 1009}.items():  # 1009: too large
        assert closed_after(live, text) == code
    handshake = {**HANDSHAKE, b"Origin": live.url.encode(), b"Sec-WebSocket-Key": "\u00e9".encode()}
    assert client.get("/live/?topic=post.1", headers=handshake).status_code == 400
    assert "Traceback" not in live.output()


def closed_after(live: Live, text: str) -> int | None:
    """The close code of the server after the client has sent ``text``."""
    with watch(live) as socket:
        socket.send(text)
        with pytest.raises(ConnectionClosed):
            while True:
                socket.recv(timeout=60)
        return socket.close_code
