"""Mail servers of every mood: real SMTP on a port of this machine."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.live import free_port


class PostOffice:
    """Answers what a test has told it to, and 250 after that. ``received`` is what it has taken in full."""

    def __init__(self) -> None:
        self.rcpt: deque[str] = deque()
        self.data: deque[str] = deque()
        self.silent = False
        self.slow = 0.0
        self.received: list[Message] = []
        self.parse = threading.Event()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt:
            return self.rcpt.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.parse.set()
        if self.data:
            return self.data.popleft()
        assert isinstance(envelope.content, bytes)
        self.received.append(message_from_bytes(envelope.content))
        if self.silent:
            await asyncio.sleep(3600)
        await asyncio.sleep(self.slow)
        return "250 2.0.0 Ok: queued as 4711"

    @property
    def identities(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.received]


@contextmanager
def open_office(office: PostOffice) -> Iterator[int]:
    controller = Controller(office, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop(no_assert=True)


@contextmanager
def greeting(line: bytes) -> Iterator[int]:
    """A server that says only this, or nothing, to whoever connects."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            held.append(caller)
            if line:
                caller.sendall(line + b"\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for caller in held:
            caller.close()
