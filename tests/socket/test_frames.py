"""Websocket frames: made once for all pages, and written whole and in order to slow pages too."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any, cast

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from websockets.frames import Frame, Opcode

from live.servers.daphne import write
from live.sockets import message, wire


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536])
def test_a_frame_follows_the_protocol(size: int) -> None:
    payload = b"x" * size
    assert wire(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_a_message_has_the_same_text_for_servers_that_build_frames_themselves() -> None:
    made = message({"post.1": '{"v":1,"count":2}', "feed": '{"v":3,"newest":["좋아요"]}'})
    assert made["frame"] == Frame(Opcode.TEXT, made["text"].encode()).serialize(mask=False)


class Writers:
    """The part of Twisted's reactor that a connection registers with while it has something to write."""

    def __init__(self) -> None:
        self.waiting: set[Connection] = set()

    def addWriter(self, connection: Connection) -> None:
        self.waiting.add(connection)

    def removeWriter(self, connection: Connection) -> None:
        self.waiting.discard(connection)


def connection_over(ours: socket.socket, reactor: Writers) -> Connection:
    connection = Connection(ours, cast(Any, Protocol()), cast(Any, reactor))
    connection.connected = True
    return connection


def test_a_slow_page_gets_every_frame_whole_and_in_order() -> None:
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    ours.setblocking(False)
    theirs.setblocking(False)
    reactor = Writers()
    connection = connection_over(ours, reactor)
    frames = [wire(f"{number:04}".encode() * 300) for number in range(50)]
    received = b""
    for frame in frames:
        write(connection, frame)
        with suppress(BlockingIOError):
            received += theirs.recv(300)  # now there is room again, but earlier frames go first
    assert reactor.waiting, "the frames must not all fit into the buffer, or nothing is tested"
    while len(received) < sum(map(len, frames)):
        if reactor.waiting:
            connection.doWrite()
        received += theirs.recv(1 << 16)
    assert received == b"".join(frames)
    assert not reactor.waiting
    ours.close()
    theirs.close()


def test_a_frame_is_written_at_once_if_nothing_waits() -> None:
    ours, theirs = socket.socketpair()
    reactor = Writers()
    connection = connection_over(ours, reactor)
    write(connection, wire(b"{}"))
    assert not reactor.waiting
    assert theirs.recv(100) == wire(b"{}")
    ours.close()
    theirs.close()
