"""daphne on uvloop, for many open pages: ``python -m live.servers.daphne --help``.

A page's socket lets go of the HTTP request that it once was, which Twisted would keep for as long as it lives, and
sends a frame that was made once for everybody with one system call: Twisted waits for the event loop to say that it
may, which costs two more for each.
"""

from __future__ import annotations

import sys
from typing import Any

if __name__ == "__main__" and sys.platform != "win32":  # before daphne, which takes the reactor that is there
    import uvloop
    from twisted.internet import asyncioreactor

    asyncioreactor.install(uvloop.new_event_loop())

from daphne.cli import CommandLineInterface
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.tcp import Connection

TRY_LATER = 1013  # as in notifications/caps.py, which needs Django


class Page(WebSocketProtocol):
    def onOpen(self) -> None:
        super().onOpen()
        if isinstance(self.transport, Connection):
            self._forget()

    def _forget(self) -> None:
        channel = self.transport.producer
        self.transport.unregisterProducer()
        channel.requests.clear()  # each keeps the other
        for told in (self.request.headers, self.request.params, self.http_headers):
            told.clear()
        self.clean_headers: list[tuple[bytes, bytes]] = []
        self.http_request_data = b""

    def sendClose(self, code: int | None = None, reason: str | None = None) -> None:
        """autobahn sends only codes of its own list, which is older than `TRY_LATER`."""
        if code == TRY_LATER and self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code, reasonUtf8=(reason or "").encode(), isReply=False)
        else:
            super().sendClose(code, reason)

    def handle_reply(self, message: dict[str, Any]) -> None:
        frame = message.get("frame")
        if frame and self.state == self.STATE_OPEN and isinstance(self.transport, Connection):
            write(self.transport, frame)
        else:
            super().handle_reply(message)


def write(connection: Connection, frame: bytes) -> None:
    waits = connection.dataBuffer or connection._tempDataBuffer  # a slow page has more to get first
    sent = 0 if waits else connection.writeSomeData(frame)
    connection.write(frame[sent:] if isinstance(sent, int) else frame)  # by this it notices that the page has gone


if __name__ == "__main__":
    WebSocketFactory.protocol = Page
    CommandLineInterface.entrypoint()
