"""A TCP proxy that can go silent: its connections stay open and nothing arrives any more, as behind a firewall that
forgets them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Proxy:
    """Forwards connections to a unix socket, or to a port of this machine."""

    def __init__(self, target: Path | int) -> None:
        self.target = target
        self.connections: list[Connection] = []
        self.open = threading.Event()
        self.open.set()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self.listening.accept()
                server = self._connect()
                self.connections.append(Connection(client, server, self.open))

    def _connect(self) -> socket.socket:
        if isinstance(self.target, int):
            return socket.create_connection(("127.0.0.1", self.target))
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self.target))
        return server

    def silence(self) -> int:
        """Nothing gets through the connections of now any more; new ones work. Returns how many there are."""
        silenced = [connection for connection in self.connections if connection.forwarding]
        for connection in silenced:
            connection.silent = True
        return len(silenced)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """During the block nothing arrives, through no connection. Afterwards all of it does."""
        self.open.clear()
        try:
            yield
        finally:
            self.open.set()

    def close(self) -> None:
        self.listening.close()


class Connection:
    def __init__(self, client: socket.socket, server: socket.socket, opened: threading.Event) -> None:
        self.silent, self.forwarding, self.open = False, True, opened
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.open.wait()
                if not self.silent:
                    sink.sendall(data)
        self.forwarding = False
        if not self.silent:
            with suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)
