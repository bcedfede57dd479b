"""uvicorn for many open pages: ``uvicorn --ws live.servers.uvicorn:LeanWebSocket project.asgi:application``."""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import Any, ClassVar, cast

from uvicorn.config import Config
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState

from live.servers.handshake import Headers
from live.servers.websocket import RESTARTING, WebSocket

CHECK_EVERY = 2.0  # seconds


class LeanWebSocket(WebSocket, asyncio.Protocol):
    """uvicorn makes one when its HTTP parser has found a request for a websocket, and passes that on."""

    sockets: ClassVar[set[LeanWebSocket]] = set()
    started = False

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        self.config, self.tasks = config, server_state.tasks
        self.connections: set[Any] = server_state.connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.connections.add(self)
        if not self.sockets:
            self._check_later()
        self.sockets.add(self)

    def data_received(self, data: bytes) -> None:
        if self.started:
            return self.received(data)
        self.started = True
        client = get_remote_addr(self.transport)
        if task := self.start(self.config.loaded_app, *read_request(data), client):
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        self.sockets.discard(self)
        self.connections.discard(self)
        self.lost()

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def end(self) -> None:
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        """uvicorn stops."""
        self.close(RESTARTING, refusal=503)
        self.end()

    def _check_later(self) -> None:
        asyncio.get_running_loop().call_later(CHECK_EVERY, self._check_all)

    def _check_all(self) -> None:
        interval, timeout = self.config.ws_ping_interval or inf, self.config.ws_ping_timeout or inf
        for each in [*self.sockets]:
            each.check(time.monotonic(), interval, timeout)
        if self.sockets:
            self._check_later()


def read_request(data: bytes) -> tuple[bytes, bytes, Headers]:
    """Method, target and headers, as uvicorn writes them after parsing: one line each, names in lower case."""
    head, *lines = data.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, _ = head.split(b" ")
    headers = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
    return method, target, headers
