"""The websocket of both servers. It sends what the application sends, and expects nothing from its client but a sign of
life: of what the client sends as a message only the first one is kept, after which the application closes it.

Of a websocket by autobahn or uvicorn, the handshake is most of what opening it costs, and what they keep of it most of
what an open one costs (docs/performance.md). Here the request is parsed once, by the server that has received it, and
the frames of the client are parsed by ``websockets``, which keeps nothing for a socket that is silent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Generator
from enum import IntEnum
from typing import Any
from urllib.parse import unquote

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import DATA_OPCODES, Close, CloseCode, Frame, Opcode

from live.servers.handshake import Headers, Refusal, accepting, refusing

MAX_SIZE = 4096  # bytes of a frame from a client; ours send none but a pong, and the last one
CLOSE_TIMEOUT = 10.0  # seconds that a client may take to confirm that its socket is closed
RESTARTING = CloseCode.SERVICE_RESTART  # after which a page reconnects soon
PING = Frame(Opcode.PING, b"").serialize(mask=False)
Message = dict[str, Any]  # of ASGI
Application = Callable[..., Awaitable[None]]
log = logging.getLogger(__name__)


class State(IntEnum):
    CONNECTING, OPEN, CLOSING, CLOSED = range(4)


class Incomplete(Exception):
    """The rest of the frame has not arrived yet."""


class WebSocket:
    """A subclass connects it with its server by `write`, `end` and `abort`."""

    state = State.CONNECTING
    response = b""  # to the handshake, until the application accepts
    rest = b""  # of what has arrived: a frame that is not whole
    message: Message | None = {"type": "websocket.connect"}  # which the application has not received yet
    waiter: asyncio.Future[None] | None = None  # of the application, which receives the next message
    writable: asyncio.Future[None] | None = None  # while the client is too slow

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def end(self) -> None:
        """Closes the connection after what was written."""
        raise NotImplementedError

    def abort(self) -> None:
        """Closes the connection at once."""
        raise NotImplementedError

    def start(
        self, application: Application, method: bytes, target: bytes, headers: Headers, client: Any
    ) -> asyncio.Task[None] | None:
        """Answers the handshake, or asks the application whether to accept it."""
        self.heard_at = time.monotonic()
        try:
            self.response = accepting(method, headers)
            path, _, query = target.partition(b"?")
            scope = {"type": "websocket", "path": unquote(path.decode("ascii")), "query_string": query,
                     "headers": headers, "client": client, "subprotocols": []}  # fmt: skip
        except Refusal as refusal:
            self.refuse(refusal.status)
        except UnicodeDecodeError:
            self.refuse(400)
        else:
            return asyncio.get_running_loop().create_task(self._run(application, scope))
        return None

    async def _run(self, application: Application, scope: dict[str, Any]) -> None:
        try:
            await application(scope, self.receive, self.send)
        except Exception:
            log.exception("the application of a socket failed")
            self.close(CloseCode.INTERNAL_ERROR)
        else:
            self.close()

    async def receive(self) -> Message:
        while not (message := self.message):
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter
        self.message = None
        return message

    async def send(self, message: Message) -> None:
        event = message["type"]
        if event == "websocket.send" and self.writable:
            await asyncio.shield(self.writable)
        if event == "websocket.close":
            self.close(message.get("code", CloseCode.NORMAL_CLOSURE), message.get("reason", ""), refusal=403)
        elif event == "websocket.accept" and self.state is State.CONNECTING:
            self.write(self.response)
            self.state, self.response = State.OPEN, b""
        elif event == "websocket.send" and self.state is State.OPEN:
            self.write(message["frame"])

    def pause_writing(self) -> None:
        self.writable = self.writable or asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self.writable:
            self.writable.set_result(None)
            self.writable = None

    def received(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        data, at, self.rest = self.rest + data, 0, b""
        try:
            while at < len(data) and self.state in (State.OPEN, State.CLOSING):
                frame, at = parse(data, at)
                self._take(frame)
        except Incomplete:
            self.rest = data[at:]
        except PayloadTooBig:
            self._fail(CloseCode.MESSAGE_TOO_BIG)
        except (ProtocolError, UnicodeDecodeError):  # the latter in the reason of a close frame
            self._fail(CloseCode.PROTOCOL_ERROR)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            if self.state is State.OPEN:
                Close.parse(frame.data)  # whether it is valid
                self.write(Frame(Opcode.CLOSE, frame.data).serialize(mask=False))
            self.state = State.CLOSING
            self.end()
        elif frame.opcode is Opcode.PING and not self.writable:
            self.write(Frame(Opcode.PONG, frame.data).serialize(mask=False))
        elif frame.opcode in DATA_OPCODES and self.state is State.OPEN:
            self._pass_on({"type": "websocket.receive", "bytes": frame.data})

    def _fail(self, code: CloseCode) -> None:
        self.close(code)
        self.end()

    def _pass_on(self, message: Message) -> None:
        if self.message is None or message["type"] == "websocket.disconnect":
            self.message = message
        if self.waiter and not self.waiter.done():
            self.waiter.set_result(None)

    def refuse(self, status: int) -> None:
        self.state = State.CLOSING
        self.write(refusing(status))
        self.end()

    def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "", *, refusal: int = 500) -> None:
        """Says goodbye, and waits for the client to confirm it. Before the handshake is answered: refuses it."""
        if self.state is State.CONNECTING:
            self.refuse(refusal)
        elif self.state is State.OPEN:
            self.state = State.CLOSING
            self.write(Frame(Opcode.CLOSE, Close(code, reason).serialize()).serialize(mask=False))
            asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._close_in_time)

    def _close_in_time(self) -> None:
        if self.state is not State.CLOSED:
            self.abort()

    def lost(self) -> None:
        """The connection has ended."""
        self.state = State.CLOSED
        self.resume_writing()
        self._pass_on({"type": "websocket.disconnect", "code": CloseCode.ABNORMAL_CLOSURE})

    def check(self, now: float, ping_interval: float, ping_timeout: float) -> None:
        """Asks a client that has been silent for a sign of life, and ends the connection if none comes."""
        silence = now - self.heard_at
        if silence > ping_interval + ping_timeout:
            self.abort()
        elif silence > ping_interval and self.state is State.OPEN:
            self.write(PING)


def parse(data: bytes, start: int) -> tuple[Frame, int]:
    """The frame that starts there, and where it ends. Raises `Incomplete`, or what is wrong with the frame."""
    at = start

    def read(size: int) -> Generator[None, None, bytes]:
        nonlocal at
        at += size
        if len(data) < at:
            raise Incomplete
        return data[at - size : at]
        yield  # makes it a generator

    try:
        next(Frame.parse(read, mask=True, max_size=MAX_SIZE))
    except StopIteration as done:
        return done.value, at
    raise Incomplete
