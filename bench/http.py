"""An HTTP/1.1 client that costs little CPU: one keep-alive connection, one request at a time, prebuilt bytes."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import NamedTuple, cast

TIMEOUT = 60  # seconds for one response


class Response(NamedTuple):
    status: int
    body: bytes
    sent: float
    received: float


def request(method: str, path: str, port: int, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{k}: {v}" for k, v in headers.items())]
    if method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Connection:
    def __init__(self, port: int) -> None:
        self.port = port
        self.protocol: _Protocol | None = None

    async def send(self, raw: bytes) -> Response:
        """Sends a request. If the server has closed the connection meanwhile, connects again, once."""
        for attempt in range(2):
            protocol = await self._open()
            sent = perf_counter()
            try:
                status, body = await asyncio.wait_for(protocol.exchange(raw), TIMEOUT)
                return Response(status, body, sent, perf_counter())
            except ConnectionError:
                if attempt:
                    raise
        raise AssertionError("not reached")

    async def _open(self) -> _Protocol:
        if self.protocol is None or self.protocol.closed:
            loop = asyncio.get_running_loop()
            _, self.protocol = await loop.create_connection(_Protocol, "127.0.0.1", self.port)
        return self.protocol

    def close(self) -> None:
        if self.protocol:
            self.protocol.transport.close()


class _Protocol(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self) -> None:
        self.buffer = b""
        self.closed = False
        self.response: asyncio.Future[tuple[int, bytes]] | None = None

    def exchange(self, raw: bytes) -> asyncio.Future[tuple[int, bytes]]:
        self.response = asyncio.get_running_loop().create_future()
        self.transport.write(raw)
        return self.response

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self.response and not self.response.done():
            self.response.set_exception(ConnectionError("the server closed the connection"))

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
        if self.response and not self.response.done():
            self.response.set_result((int(head[9:12]), body))


def _body(head: bytes, rest: bytes) -> bytes | None:
    """The body, or None while it is incomplete."""
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
