"""A time limit for all connections of a block. The timeout of a socket is none: it begins anew with every byte."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Deadline:
    """A context manager that shuts down the connections it follows after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self.sockets: list[socket.socket] = []
        self.timer = threading.Timer(seconds, self.expire)
        self.timer.daemon = True

    def __enter__(self) -> Deadline:
        self.timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()
        for connection in self.sockets:
            connection.close()

    def follow(self, connection: socket.socket) -> None:
        self.sockets.append(connection.dup())  # TLS detaches the socket that it wraps
        if self.expired:
            self.expire()

    def expire(self) -> None:
        self.expired = True
        for connection in self.sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
