"""What daphne does on SIGTERM. By itself it cancels the requests that it is answering."""

from __future__ import annotations

import asyncio
import time
from typing import Any, ClassVar
from weakref import WeakSet

from daphne.server import Server
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.internet.tcp import Port
from twisted.python.failure import Failure
from twisted.web.http import Request

from live.servers.limits import DeadlineChannel
from live.servers.websocket import RESTARTING, State, WebSocket

MAX_SECONDS = 5.0  # less than STOP_TIMEOUT in project/supervisor.py
MAX_SILENCE = 1.0  # seconds that a new connection may take until its first byte


class DrainingChannel(DeadlineChannel):
    """While the server drains, a connection ends with the response that it waits for."""

    channels: ClassVar[WeakSet[DrainingChannel]] = WeakSet()
    draining: ClassVar[bool] = False
    silent = True  # nothing has arrived yet

    def connectionMade(self) -> None:
        self.channels.add(self)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:
        self.silent = False
        super().dataReceived(data)

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        if self.draining:
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        return not self.draining and bool(super().checkPersistence(request, version))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.channels.discard(self)
        super().connectionLost(reason)

    def is_idle(self) -> bool:
        return not self.silent and not self.receiving and not self.requests


class DrainingServer(Server):
    """Stops listening, closes the sockets, and answers the requests that it has before it exits. Who connects
    meanwhile waits for the next process, if the parent keeps the listening socket open."""

    def run(self) -> None:
        self.ports: list[Port] = []
        super().run()

    def listen_success(self, port: Port) -> None:
        super().listen_success(port)
        self.ports.append(port)

    def kill_all_applications(self) -> Deferred[Any]:
        return Deferred.fromFuture(asyncio.ensure_future(self._drain()))

    async def _drain(self) -> None:
        DrainingChannel.draining = True
        for port in self.ports:
            port.stopListening()
        for protocol in list(self.connections):
            if isinstance(protocol, WebSocket) and protocol.state is State.OPEN:
                protocol.close(RESTARTING)
        started = time.monotonic()
        while self._is_busy() and time.monotonic() - started < MAX_SECONDS:
            for channel in list(DrainingChannel.channels):
                if channel.is_idle() or (channel.silent and time.monotonic() - started > MAX_SILENCE):
                    channel.loseConnection()
            await asyncio.sleep(0.02)
        await super().kill_all_applications().asFuture(asyncio.get_running_loop())

    def _is_busy(self) -> bool:
        """Whether somebody still waits for a response, or has not confirmed that their socket is closed."""
        waiting = [each["application_instance"] for each in self.connections.values() if is_waiting(each)]
        return bool(DrainingChannel.channels) or not all(application.done() for application in waiting)


def is_waiting(connection: dict[str, Any]) -> bool:
    return "application_instance" in connection and "disconnected" not in connection
