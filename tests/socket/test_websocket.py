"""The websocket of both servers, with the client of the library ``websockets`` on the other side."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State as ClientState
from websockets.uri import parse_uri

from live.servers import websocket
from live.servers.handshake import Headers
from live.servers.uvicorn import read_request
from live.servers.websocket import MAX_SIZE, PING, WebSocket
from live.sockets import message

TEXT = message({"post.1": '{"v":1}'})
Scope = dict[str, Any]


class Connected(WebSocket):
    """A websocket whose client has sent its handshake. The application accepts, and waits for its client."""

    def __init__(self, **replaced: bytes | None) -> None:
        self.client = ClientProtocol(parse_uri("ws://localhost/live/?topic=post.1"))
        self.ended = self.aborted = False
        self.written = b""
        self.received_by_application: list[str] = []
        self.scope: Scope = {}
        self.client.send_request(self.client.connect())
        request = b"".join(self.client.data_to_send())
        method, target, headers = read_request(request)
        changed = {name.replace("_", "-").encode(): value for name, value in replaced.items()}
        given = {name.lower(): value for name, value in headers} | changed
        kept: Headers = [(name, value) for name, value in given.items() if value is not None and name != b"method"]
        self.task = self.start(self.application, given.get(b"method") or method, target, kept, ("192.0.2.1", 1))

    async def application(self, scope: Scope, receive: Any, send: Any) -> None:
        self.scope = scope
        await receive()
        await send({"type": "websocket.accept"})
        await send(TEXT)
        self.received_by_application.append((await receive())["type"])

    def write(self, data: bytes) -> None:
        self.written += data
        self.client.receive_data(data)

    def end(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.aborted = True
        self.lost()

    def frames(self) -> list[Frame]:
        return [event for event in self.client.events_received() if isinstance(event, Frame)]


async def connected() -> Connected:
    socket = Connected()
    await asyncio.sleep(0)  # the application runs until it waits for the client
    assert [frame.data for frame in socket.frames()] == [TEXT["text"].encode()]
    return socket


def masked(opcode: Opcode, data: bytes = b"") -> bytes:
    return Frame(opcode, data).serialize(mask=True)


async def test_a_client_is_connected_and_the_application_knows_the_address() -> None:
    socket = await connected()
    assert socket.client.state is ClientState.OPEN
    assert (socket.scope["path"], socket.scope["query_string"]) == ("/live/", b"topic=post.1")
    assert (b"host", b"localhost") in socket.scope["headers"]
    socket.lost()


@pytest.mark.parametrize(
    ("replaced", "status"),
    [
        ({"method": b"POST"}, b"400 Bad Request"),
        ({"connection": b"keep-alive"}, b"400 Bad Request"),
        ({"sec_websocket_key": None}, b"400 Bad Request"),
        ({"sec_websocket_key": b"AAAA"}, b"400 Bad Request"),
        ({"sec_websocket_key": b"\xff" * 24}, b"400 Bad Request"),
        ({"sec_websocket_version": b"8"}, b"426 Upgrade Required"),
    ],
)
async def test_what_is_no_handshake_is_refused(replaced: dict[str, bytes | None], status: bytes) -> None:
    socket = Connected(**replaced)
    assert socket.written.startswith(b"HTTP/1.1 " + status) and b"Sec-WebSocket-Version: 13\r\n" in socket.written
    assert socket.ended and socket.task is None


async def test_what_the_application_does_not_accept_is_refused() -> None:
    class Refusing(Connected):
        async def application(self, scope: Scope, receive: Any, send: Any) -> None:
            await send({"type": "websocket.close"})

    socket = Refusing()
    assert socket.task
    await socket.task
    assert socket.written.startswith(b"HTTP/1.1 403 ") and socket.ended


async def test_an_application_that_fails_is_logged_and_closes_the_socket(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Connected):
        async def application(self, scope: Scope, receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            raise ValueError("on purpose")

    socket = Failing()
    assert socket.task
    await socket.task
    assert socket.client.close_rcvd and socket.client.close_rcvd.code == 1011
    assert "on purpose" in caplog.text


async def test_a_socket_that_the_application_closes_ends_when_the_client_has_confirmed_it() -> None:
    socket = await connected()
    await socket.send({"type": "websocket.close", "code": 4408, "reason": "Connect again."})
    await socket.send(TEXT)  # is not sent any more
    assert [frame.opcode for frame in socket.frames()] == [Opcode.CLOSE]
    assert socket.client.close_rcvd and socket.client.close_rcvd.code == 4408
    assert not socket.ended
    socket.received(b"".join(socket.client.data_to_send()))
    assert socket.ended


async def test_a_socket_ends_although_its_client_does_not_confirm_that_it_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT", 0)
    socket = await connected()
    socket.close()
    assert socket.task
    await socket.task
    assert socket.aborted and socket.received_by_application == ["websocket.disconnect"]


async def test_a_client_that_leaves_gets_its_code_back_and_the_application_ends() -> None:
    socket = await connected()
    socket.client.send_close(1001)
    socket.received(b"".join(socket.client.data_to_send()))
    assert socket.ended and socket.client.close_rcvd and socket.client.close_rcvd.code == 1001
    socket.lost()
    assert socket.task
    await socket.task
    assert socket.received_by_application == ["websocket.disconnect"]


async def test_a_frame_that_arrives_byte_by_byte_is_understood() -> None:
    socket = await connected()
    for byte in masked(Opcode.PING, b"hello") + masked(Opcode.TEXT, b"?"):
        socket.received(bytes([byte]))
    assert [(frame.opcode, frame.data) for frame in socket.frames()] == [(Opcode.PONG, b"hello")]
    assert socket.task
    await socket.task
    assert socket.received_by_application == ["websocket.receive"]


async def test_of_many_messages_the_application_gets_the_first_one_and_nothing_is_kept_of_the_others() -> None:
    socket = await connected()
    socket.received(masked(Opcode.TEXT, b"first") + masked(Opcode.BINARY, b"more") * 1000)
    assert socket.message == {"type": "websocket.receive", "bytes": b"first"} and not socket.rest
    socket.lost()


async def test_pings_of_a_client_that_reads_nothing_are_not_answered() -> None:
    socket = await connected()
    socket.pause_writing()
    socket.received(masked(Opcode.PING) * 100)
    assert not socket.frames()
    socket.lost()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (Frame(Opcode.TEXT, b"?").serialize(mask=False), 1002),
        (b"\x83\x80\0\0\0\0", 1002),  # an opcode that does not exist
        (masked(Opcode.CLOSE, b"\x03"), 1002),  # half a code
        (masked(Opcode.CLOSE, b"\x03\xe8\xff"), 1002),  # a reason that is not UTF-8
        (masked(Opcode.TEXT, b"x" * (MAX_SIZE + 1))[:8], 1009),
    ],
)
async def test_a_client_that_breaks_the_protocol_is_disconnected_with_a_code(data: bytes, code: int) -> None:
    socket = await connected()
    socket.received(data)
    assert socket.client.close_rcvd and socket.client.close_rcvd.code == code
    assert socket.ended and not socket.rest
    socket.lost()


async def test_a_slow_client_makes_the_application_wait_and_a_lost_one_lets_it_end() -> None:
    socket = await connected()
    socket.pause_writing()
    sending = asyncio.create_task(socket.send(TEXT))
    await asyncio.sleep(0)
    assert not socket.frames() and not sending.done()
    socket.resume_writing()
    await sending
    assert [frame.opcode for frame in socket.frames()] == [Opcode.TEXT]
    socket.pause_writing()
    sending = asyncio.create_task(socket.send(TEXT))
    await asyncio.sleep(0)
    socket.lost()
    await sending
    assert not socket.frames()


async def test_a_silent_client_gets_a_ping_and_disconnected_without_a_pong() -> None:
    socket = await connected()
    started = len(socket.written)
    socket.check(time.monotonic() + 10, 20, 30)
    assert len(socket.written) == started
    socket.check(time.monotonic() + 21, 20, 30)
    assert socket.written[started:] == PING
    assert [frame.opcode for frame in socket.frames()] == [Opcode.PING]
    socket.heard_at -= 21
    socket.received(b"".join(socket.client.data_to_send()))  # its pong
    socket.check(time.monotonic() + 30, 20, 30)
    assert not socket.aborted
    socket.check(time.monotonic() + 51, 20, 30)
    assert socket.aborted
