"""What a page's socket sends: a frame made once for everybody, whole and in order, however slow a page is."""

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
def test_a_frame_is_what_the_protocol_says(size: int) -> None:
    payload = b"x" * size
    assert wire(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_servers_that_make_their_own_frames_find_the_same_text() -> None:
    made = message({"post.1": '{"v":1,"count":2}', "feed": '{"v":3,"newest":["좋아요"]}'})
    assert made["frame"] == Frame(Opcode.TEXT, made["text"].encode()).serialize(mask=False)


class Writers:
    """The part of an event loop that a connection tells when it has something to write."""

    def __init__(self) -> None:
        self.waiting: set[Connection] = set()

    def addWriter(self, connection: Connection) -> None:
        self.waiting.add(connection)

    def removeWriter(self, connection: Connection) -> None:
        self.waiting.discard(connection)


def connected(ours: socket.socket, loop: Writers) -> Connection:
    connection = Connection(ours, cast(Any, Protocol()), cast(Any, loop))
    connection.connected = True
    return connection


def test_a_slow_page_gets_every_frame_whole_and_in_order() -> None:
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    ours.setblocking(False)
    theirs.setblocking(False)
    loop = Writers()
    connection = connected(ours, loop)
    frames = [wire(f"{number:04}".encode() * 300) for number in range(50)]
    heard = b""
    for frame in frames:
        write(connection, frame)
        with suppress(BlockingIOError):
            heard += theirs.recv(300)  # now there is room again, but what waits comes first
    assert loop.waiting, "it must not all fit, or nothing is tested"
    while len(heard) < sum(map(len, frames)):
        if loop.waiting:
            connection.doWrite()
        heard += theirs.recv(1 << 16)
    assert heard == b"".join(frames)
    assert not loop.waiting
    ours.close()
    theirs.close()


def test_a_quick_page_is_written_to_at_once() -> None:
    ours, theirs = socket.socketpair()
    loop = Writers()
    connection = connected(ours, loop)
    write(connection, wire(b"{}"))
    assert not loop.waiting
    assert theirs.recv(100) == wire(b"{}")
    ours.close()
    theirs.close()
