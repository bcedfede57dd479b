"""An email backend with a mail server that needs 20 seconds for each email."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage

from feedback import dev_mailbox
from outbox import smtp

SECONDS = 20
REPLIES = {b"EHLO": b"250 slow", b"HELO": b"250 slow", b"DATA": b"354 Go on", b"QUIT": b"221 Bye"}


class Handler(socketserver.StreamRequestHandler):
    """The SMTP commands that our client uses."""

    server: Server

    def handle(self) -> None:
        self._respond(b"220 slow")
        for line in self.rfile:
            verb = line[:4].upper()
            self._respond(REPLIES.get(verb, b"250 OK"))
            if verb == b"DATA":
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                time.sleep(self.server.seconds)
                self._respond(b"250 OK, that took a while")

    def _respond(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(("127.0.0.1", 0), Handler)


class EmailBackend(smtp.EmailBackend):
    """Sends real SMTP to a slow server that it starts itself. The emails are kept as files, too."""

    def __init__(self, *args: Any, seconds: float | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seconds = settings.SLOW_MAIL if seconds is None else seconds
        self.use_tls = self.use_ssl = False
        self.username = self.password = ""
        self.server: Server | None = None

    def open(self) -> bool | None:
        if not self.server:
            self.server = Server(self.seconds)
            self.host, self.port = "127.0.0.1", self.server.server_address[1]
            self.timeout = int(self.seconds) + 5
            threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()
        return super().open()

    def close(self) -> None:
        super().close()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        sent = super().send_messages(email_messages)
        dev_mailbox.EmailBackend().send_messages(email_messages)
        return sent or 0
