"""daphne on uvloop, for many open pages: ``python -m live.servers.daphne project.asgi:application``. It listens on
LISTEN and PORT of the settings, unless its options name an address; ``--help`` lists them.

Two changes to daphne's websocket, both measured (docs/performance.md) and checked by tests/test_contracts.py: an open
socket releases the HTTP request of its handshake, which Twisted would keep; and a frame is written with one system
call, where Twisted first waits for the event loop, which costs two more.
"""

from __future__ import annotations

import sys
import time
from typing import Any

if __name__ == "__main__" and sys.platform != "win32":  # before daphne, which uses the installed reactor
    import uvloop
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor
    from twisted.internet.main import installReactor

    class Reactor(AsyncioSelectorReactor):
        seconds = staticmethod(time.monotonic)  # else no timer ends for an hour if the clock is set back by one

    installReactor(Reactor(uvloop.new_event_loop()))

from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from daphne import http_protocol
from daphne.cli import CommandLineInterface
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings
from twisted.internet.task import LoopingCall
from twisted.internet.tcp import Connection

from core import watchdog
from live.servers.draining import RESTARTING, DrainingChannel, DrainingServer
from live.servers.limits import LimitedRequest

TRY_LATER = 1013  # as in live/caps.py, which needs Django


class LeanWebSocket(WebSocketProtocol):
    def connectionMade(self) -> None:
        if self.CONFIG_ATTRS:
            share_settings(type(self), self.factory)
        super().connectionMade()

    def onConnect(self, request: ConnectionRequest) -> Any:
        if not request.headers.get("sec-websocket-protocol", "").isascii():  # daphne would answer 500
            raise ConnectionDeny(ConnectionDeny.BAD_REQUEST, "The subprotocol must be ASCII.")
        return super().onConnect(request)

    def onOpen(self) -> None:
        super().onOpen()
        if isinstance(self.transport, Connection):
            self._release_handshake()

    def _release_handshake(self) -> None:
        channel = self.transport.producer
        self.transport.unregisterProducer()
        DrainingChannel.channels.discard(channel)
        channel.requests.clear()  # the request and its channel refer to each other
        for values in (self.request.headers, self.request.params, self.http_headers):
            values.clear()
        self.clean_headers: list[tuple[bytes, bytes]] = []
        self.http_request_data = b""

    def sendClose(self, code: int | None = None, reason: str | None = None) -> None:
        """autobahn sends only 1000 and the codes of applications."""
        if code in (RESTARTING, TRY_LATER) and self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code, reasonUtf8=(reason or "").encode(), isReply=False)
        else:
            super().sendClose(code, reason)

    def handle_reply(self, message: dict[str, Any]) -> None:
        frame = message.get("frame")
        if frame and self.state == self.STATE_OPEN and isinstance(self.transport, Connection):
            write(self.transport, frame)
        else:
            super().handle_reply(message)


def share_settings(protocol: type[WebSocketProtocol], factory: WebSocketFactory) -> None:
    """Moves what autobahn copies from the factory into each socket, 30 settings, to the class. autobahn would also
    format them for a line of the debug log, which takes a fifth of the CPU time of opening a socket."""
    for name in protocol.CONFIG_ATTRS:
        value = getattr(factory, name)
        setattr(protocol, name, staticmethod(value) if callable(value) else value)
    protocol.CONFIG_ATTRS = []


def write(connection: Connection, frame: bytes) -> None:
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
    WebSocketFactory.protocol = LeanWebSocket
    http_protocol.WebRequest = LimitedRequest
    http_protocol.HTTPFactory.protocol = DrainingChannel
    Command.entrypoint()
