"""Limits of open sockets: the site keeps working, and a socket that closes makes room for another."""

from __future__ import annotations

import asyncio
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import httpx
import pytest
from channels.testing import WebsocketCommunicator
from pytest_django import Settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from core import visitors
from likes.models import Post
from live import caps, consumer, topics
from project.asgi import application
from tests.live import ROOT, Live, free_port, until

MAX_FILES, SOCKETS = 400, 450
JSON = {"accept": "application/json"}


def socket(post: Post, address: str, key: str = "") -> WebsocketCommunicator:
    cookie = f"{visitors.COOKIE}={visitors.signer.sign(key)}" if key else ""
    headers = [(b"host", b"testserver"), (b"origin", b"http://testserver"), (b"cookie", cookie.encode())]
    made = WebsocketCommunicator(application, f"/live/?topic=post.{post.pk}", headers=headers)
    made.scope["client"] = [address, 1]
    return made


async def first_message(page: WebsocketCommunicator) -> dict[str, Any]:
    assert (await page.connect(60))[0]
    message: dict[str, Any] = await page.receive_output(60)
    return message


@pytest.mark.django_db(transaction=True)
async def test_the_sockets_of_a_network_are_limited_and_a_closed_one_makes_room(post: Post, settings: Settings) -> None:
    settings.SOCKETS_PER_NETWORK = 1
    page = socket(post, "192.0.2.1")
    assert (await first_message(page))["type"] == "websocket.send"
    refused = await first_message(socket(post, "192.0.2.2"))
    assert (refused["type"], refused["code"]) == ("websocket.close", 1013)
    elsewhere = socket(post, "198.51.100.1")
    assert (await first_message(elsewhere))["type"] == "websocket.send"
    await page.disconnect(timeout=60)
    later = socket(post, "192.0.2.2")
    assert (await first_message(later))["type"] == "websocket.send"
    for each in (elsewhere, later):
        await each.disconnect(timeout=60)
    assert not caps.open_sockets


@pytest.mark.django_db(transaction=True)
async def test_the_sockets_of_a_visitor_are_limited_over_all_networks(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caps, "MAX_PER_VISITOR", 1)
    page = socket(post, "192.0.2.1", "v1")
    assert (await first_message(page))["type"] == "websocket.send"
    assert (await first_message(socket(post, "198.51.100.1", "v1")))["code"] == 1013
    await page.disconnect(timeout=60)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_a_socket_that_ends_with_an_error_is_no_longer_counted(
    post: Post, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    async def fail(*_: object) -> None:
        assert caps.open_sockets["process"] == 1
        raise error

    monkeypatch.setattr(consumer, "watch", fail)
    page = socket(post, "192.0.2.1")
    await page.connect(60)
    with suppress(error):
        await page.wait(60)
    assert not caps.open_sockets


@pytest.fixture
def small_server(live: Live) -> Iterator[str]:
    """Address of a second web process, which may open only few files."""
    port = free_port()
    command = [sys.executable, "-m", "live.servers.daphne", "-v", "0", "-p", str(port), "project.asgi:application"]
    env = {**live.env, "SOCKETS_PER_NETWORK": "100000"}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES)),
    )
    until(lambda: is_healthy(port), "the web process does not start")
    yield f"127.0.0.1:{port}"
    process.kill()
    process.wait(60)


def is_healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez/", timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


async def close_code(page: ClientConnection) -> int:
    """The code with which the server closed the socket, or 0 if it is open and has a first frame."""
    try:
        await page.recv()
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd else -1
    return 0


async def test_pages_and_likes_work_while_somebody_opens_too_many_sockets(small_server: str) -> None:
    async with AsyncExitStack() as stack:
        codes = []
        for _ in range(SOCKETS):
            page = await stack.enter_async_context(connect(f"ws://{small_server}/live/?topic=post.2", open_timeout=60))
            codes.append(await close_code(page))
        assert codes == [0] * (MAX_FILES - caps.RESERVE) + [1013] * (SOCKETS - MAX_FILES + caps.RESERVE)
        async with httpx.AsyncClient(base_url=f"http://{small_server}", headers=JSON, timeout=60) as visitor:
            assert (await visitor.get("/posts/2/")).status_code == 200
            assert (await visitor.get("/live/?topic=post.2")).status_code == 200
            assert (await visitor.post("/posts/2/like/", data={"liked": "1"})).status_code == 202


def test_a_page_watches_as_many_topics_as_the_server_allows() -> None:
    [in_script] = re.findall(r"const MAX_TOPICS = (\d+);", (ROOT / "static/js/live.js").read_text())
    assert int(in_script) == topics.MAX_TOPICS


@pytest.mark.parametrize(("files", "level"), [(1024, "WARNING"), (65_536, "INFO")])
def test_a_web_process_says_how_many_pages_may_be_open(
    files: int, level: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (files, files))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: None)
    with caplog.at_level("INFO"):
        caps.raise_file_limit()
    assert [(line.levelname, line.getMessage()) for line in caplog.records] == [
        (level, f"up to {files - caps.RESERVE} open pages (file limit {files})")
    ]
