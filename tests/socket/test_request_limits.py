"""Large and slow requests cost a web process neither disk nor a connection for long."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from live.servers.limits import MAX_BODY, MAX_SECONDS, DeadlineChannel
from tests.live import Live

HEAD = b"POST /feedback/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"


@contextmanager
def connection(live: Live) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", live.port), timeout=60) as opened:
        yield opened


def answer(opened: socket.socket) -> bytes:
    received = b""
    while data := opened.recv(65536):
        received += data
    return received


def temporary_files(live: Live) -> list[Path]:
    """Open files of the web process that have been deleted, as those of `tempfile.TemporaryFile` are."""
    [pid] = live.pids("live.servers.daphne")
    links = [entry.readlink() for entry in Path(f"/proc/{pid}/fd").iterdir()]
    return [link for link in links if str(link).startswith("/") and str(link).endswith("(deleted)")]


def test_the_limit_is_that_of_django(settings: Settings) -> None:
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE == MAX_BODY


def test_a_body_that_is_announced_as_too_large_is_refused_before_it_is_sent(live: Live) -> None:
    with connection(live) as client:
        client.sendall(HEAD + b"Content-Length: 200000000\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 413 ")
        client.sendall(b"x" * 1_000_000)
        assert not temporary_files(live)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_is_too_large_is_answered_once_and_the_connection_is_closed(live: Live, chunked: bool) -> None:
    size = MAX_BODY + 1
    with connection(live) as client:
        if chunked:
            client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(20):
                client.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            client.sendall(b"0\r\n\r\n")
        else:
            client.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        received = answer(client)
    assert received.startswith(b"HTTP/1.1 413 ") and received.count(b"HTTP/1.1") == 1
    assert received.endswith(b"\r\n\r\nRequest too large.")


def test_the_api_refuses_such_a_body_with_a_problem(live: Live) -> None:
    with connection(live) as client:
        client.sendall(b"PUT /api/v1/likes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 200000000\r\n\r\n")
        head, _, body = client.recv(65536).partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json\r\n" in head and json.loads(body)["status"] == 413


@pytest.mark.parametrize("header", [b"Content-Length: %d\r\n\r\n" % MAX_BODY, b"Transfer-Encoding: chunked\r\n\r\n"])
def test_the_largest_body_that_is_accepted_reaches_the_view(live: Live, header: bytes) -> None:
    body = b"x" * MAX_BODY
    if b"chunked" in header:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with connection(live) as client:
        client.sendall(HEAD + b"Connection: close\r\n" + header + body)
        assert answer(client).startswith(b"HTTP/1.1 403 ")  # it has no CSRF token


@pytest.mark.parametrize("sent", [b"G", HEAD, HEAD + b"Content-Length: 60000\r\n\r\n"])
def test_a_request_that_arrives_byte_by_byte_is_ended_at_its_deadline(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    clock, transport, channel = Clock(), StringTransport(), DeadlineChannel()
    monkeypatch.setattr(channel, "callLater", clock.callLater)
    channel.makeConnection(transport)
    clock.advance(MAX_SECONDS - 1)  # the connection was idle: the request has its whole time nevertheless
    channel.dataReceived(sent)
    for _ in range(MAX_SECONDS - 1):
        assert not transport.disconnecting
        clock.advance(1)
        channel.dataReceived(b"x")
    clock.advance(1)
    assert transport.disconnecting
