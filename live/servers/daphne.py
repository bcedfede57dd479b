"""daphne on uvloop, for many open pages: ``python -m live.servers.daphne project.asgi:application``. It listens on
LISTEN and PORT of the settings, unless its options name an address; ``--help`` lists them.

Its websocket is not that of daphne but `live.servers.websocket`, which is measured (docs/performance.md); what it uses
of daphne and Twisted is checked by tests/test_contracts.py.
"""

from __future__ import annotations

import sys
import time
from typing import Any, cast

if __name__ == "__main__" and sys.platform != "win32":  # before daphne, which uses the installed reactor
    import uvloop
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor
    from twisted.internet.main import installReactor

    class Reactor(AsyncioSelectorReactor):
        seconds = staticmethod(time.monotonic)  # else no timer ends for an hour if the clock is set back by one

    installReactor(Reactor(uvloop.new_event_loop()))

from daphne import http_protocol
from daphne.cli import CommandLineInterface
from daphne.server import Server
from django.conf import settings
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.internet.tcp import Connection
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure

from core import watchdog
from live.servers.draining import DrainingChannel, DrainingServer
from live.servers.handshake import Headers
from live.servers.limits import LimitedRequest
from live.servers.websocket import WebSocket


class LeanWebSocket(WebSocket, Protocol):
    """Also the producer of its connection, which says by that when the client is too slow."""

    transport: Any

    def __init__(self, server: Server) -> None:
        self.server = server

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)

    def run(self, method: bytes, target: bytes, headers: Headers) -> None:
        peer = self.transport.getPeer()
        client = (peer.host, peer.port) if hasattr(peer, "port") else None
        if task := self.start(self.server.application, method, target, headers, client):
            self.server.protocol_connected(self)
            self.server.connections[self]["application_instance"] = task

    def dataReceived(self, data: bytes) -> None:
        self.received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self in self.server.connections:
            self.server.protocol_disconnected(self)
        self.lost()

    def write(self, data: bytes) -> None:
        if isinstance(self.transport, Connection):
            write(self.transport, data)
        else:
            self.transport.write(data)

    def end(self) -> None:
        self.transport.unregisterProducer()  # or Twisted waits for it to do so
        self.transport.loseConnection()

    def abort(self) -> None:
        self.transport.abortConnection()

    def check_timeouts(self) -> None:
        self.check(time.monotonic(), self.server.ping_interval, self.server.ping_timeout)

    def pauseProducing(self) -> None:
        self.pause_writing()

    def resumeProducing(self) -> None:
        self.resume_writing()

    def stopProducing(self) -> None:
        """The connection has ended."""


class UpgradingRequest(LimitedRequest):
    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        upgrade = self.requestHeaders.getRawHeaders(b"Upgrade", [b""])
        if upgrade[0].lower() == b"websocket" and not self.refused:
            self._upgrade(command, path)
        else:
            super().requestReceived(command, path, version)

    def _upgrade(self, method: bytes, target: bytes) -> None:
        """Gives the connection to a websocket. Nothing keeps the request and its channel, which refer to each other."""
        channel: Any = self.channel
        transport, socket = channel.transport, LeanWebSocket(self.server)
        transport.unregisterProducer()
        if isinstance(transport, ProtocolWrapper):  # TLS
            transport.wrappedProtocol = cast(Any, socket)
        else:
            transport.protocol = socket
        socket.makeConnection(transport)
        headers = [(name.lower(), v) for name, values in self.requestHeaders.getAllRawHeaders() for v in values]
        socket.run(method, target, headers)
        transport.resumeProducing()
        self.server.protocol_disconnected(self)
        DrainingChannel.channels.discard(channel)
        channel.requests.clear()


def write(connection: Connection, frame: bytes) -> None:
    """With one system call: Twisted would first wait for the event loop, which costs two more."""
    is_behind = connection.dataBuffer or connection._tempDataBuffer  # earlier frames of a slow client go first
    sent = 0 if is_behind else connection.writeSomeData(frame)
    connection.write(frame[sent:] if isinstance(sent, int) else frame)  # also detects a closed connection


class Command(CommandLineInterface):
    server_class = DrainingServer

    def run(self, args: list[str]) -> None:
        chosen = self.parser.parse_args(args)
        addresses = (chosen.host, chosen.port, chosen.unix_socket, chosen.file_descriptor)
        if chosen.socket_strings or any(address is not None for address in addresses):
            return super().run(["-v", "0", *args])
        self.load_asgi_app(chosen.application)  # which reads the settings
        super().run(["-v", "0", "-b", settings.LISTEN, "-p", str(settings.PORT), *args])


if __name__ == "__main__":
    from twisted.internet import reactor

    reactor.callWhenRunning(LoopingCall(watchdog.ping).start, watchdog.INTERVAL)
    http_protocol.WebRequest = UpgradingRequest
    http_protocol.HTTPFactory.protocol = DrainingChannel
    Command.entrypoint()
