"""A cheap HTTP/1.1 client: one keep-alive connection, one request at a time, prebuilt bytes."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import NamedTuple, cast

PATIENCE = 60  # seconds for one answer


class Answer(NamedTuple):
    status: int
    body: bytes
    sent: float
    answered: float


def request(method: str, path: str, port: int, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{k}: {v}" for k, v in headers.items())]
    if method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Connection:
    def __init__(self, port: int) -> None:
        self.port = port
        self.wire: _Wire | None = None

    async def send(self, raw: bytes) -> Answer:
        """A connection that the server has closed in the meantime is opened anew, once."""
        for attempt in range(2):
            wire = await self._open()
            sent = perf_counter()
            try:
                status, body = await asyncio.wait_for(wire.ask(raw), PATIENCE)
                return Answer(status, body, sent, perf_counter())
            except ConnectionError:
                if attempt:
                    raise
        raise AssertionError("not reached")

    async def _open(self) -> _Wire:
        if self.wire is None or self.wire.closed:
            loop = asyncio.get_running_loop()
            _, self.wire = await loop.create_connection(_Wire, "127.0.0.1", self.port)
        return self.wire

    def close(self) -> None:
        if self.wire:
            self.wire.transport.close()


class _Wire(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self) -> None:
        self.buffer = b""
        self.closed = False
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None

    def ask(self, raw: bytes) -> asyncio.Future[tuple[int, bytes]]:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(raw)
        return self.answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self.answer and not self.answer.done():
            self.answer.set_exception(ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        head = head.lower()
        body = _body(head, rest) if found else None
        if body is None:
            return
        self.buffer = b""
        if b"connection: close" in head:
            self.closed = True
            self.transport.close()
        if self.answer and not self.answer.done():
            self.answer.set_result((int(head[9:12]), body))


def _body(head: bytes, rest: bytes) -> bytes | None:
    """The body, or None while some of it is still under way."""
    _, found, length = head.partition(b"content-length:")
    if found:
        size = int(length.partition(b"\r\n")[0])
        return rest[:size] if len(rest) >= size else None
    if b"transfer-encoding: chunked" in head:
        return _unchunk(rest) if rest.endswith(b"0\r\n\r\n") else None
    return b""


def _unchunk(rest: bytes) -> bytes:
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return body
        body, rest = body + rest[:length], rest[length + 2 :]
