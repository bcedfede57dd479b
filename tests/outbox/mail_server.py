"""Real SMTP servers on a port of this machine, with the responses that a test wants."""

from __future__ import annotations

import asyncio
import socket
import socketserver
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.live import free_port


class MailServer:
    """Gives the responses in ``rcpt`` and ``data`` first, and 250 after them. ``received`` has every email whose DATA
    is complete."""

    def __init__(self) -> None:
        self.rcpt: deque[str] = deque()
        self.data: deque[str] = deque()
        self.silent = False  # no response to DATA
        self.delay = 0.0  # seconds before the response to DATA
        self.received: list[Message] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt:
            return self.rcpt.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data:
            return self.data.popleft()
        assert isinstance(envelope.content, bytes)
        self.received.append(message_from_bytes(envelope.content))
        if self.silent:
            await asyncio.sleep(3600)
        await asyncio.sleep(self.delay)
        return "250 2.0.0 Ok: queued as 4711"

    @property
    def message_ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.received]


@contextmanager
def listening(server: MailServer) -> Iterator[int]:
    """Yields the port."""
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop(no_assert=True)


@contextmanager
def greeting(line: bytes) -> Iterator[int]:
    """A server that sends this line, or nothing, and then stays silent. Yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            accepted.append(client)
            if line:
                client.sendall(line + b"\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for client in accepted:
            client.close()


@contextmanager
def without_354(*, hangs: bool) -> Iterator[int]:
    """A server that accepts sender and recipient, and after DATA closes the connection, or stays silent."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            for line in self.rfile:
                if line.upper().startswith(b"DATA"):
                    done.wait(60 if hangs else 0)
                    return
                self.wfile.write(b"250 OK\r\n")

    done = threading.Event()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        done.set()
        server.shutdown()
