"""An email backend with a mail server that needs 20 seconds for each email."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Sequence
from functools import cache

from django.conf import settings
from django.core.mail import EmailMessage

from feedback import dev_mailbox
from outbox import smtp

SECONDS = 20
REPLIES = {b"EHLO": b"250 slow", b"HELO": b"250 slow", b"DATA": b"354 Go on", b"QUIT": b"221 Bye"}


class Handler(socketserver.StreamRequestHandler):
    """The SMTP commands that our client uses."""

    def handle(self) -> None:
        self._respond(b"220 slow")
        for line in self.rfile:
            verb = line[:4].upper()
            self._respond(REPLIES.get(verb, b"250 OK"))
            if verb == b"DATA":
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                time.sleep(seconds())
                self._respond(b"250 OK, that took a while")

    def _respond(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


def seconds() -> float:
    """How long the server takes for an email."""
    return settings.SLOW_MAIL or SECONDS


@cache
def start_server() -> int:
    """Starts the server of this process, once. Returns its port."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


class EmailBackend(smtp.EmailBackend):
    """Sends real SMTP to the slow server. The emails are kept as files, too."""

    def __init__(self, *, fail_silently: bool = False) -> None:
        super().__init__(
            host="127.0.0.1",
            port=start_server(),
            username="",
            password="",
            use_tls=False,
            use_ssl=False,
            fail_silently=fail_silently,
            timeout=int(seconds()) + 5,
        )

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        sent = super().send_messages(email_messages)
        dev_mailbox.EmailBackend().send_messages(email_messages)
        return sent or 0
