"""A mail server that needs some seconds for each email, and an email backend that uses it."""

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


class Server(socketserver.ThreadingTCPServer):
    """Serves a free port of this machine in threads of this process, from its creation on."""

    daemon_threads = True

    def __init__(self, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seconds, self.port = seconds, self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_close(self) -> None:
        self.shutdown()
        super().server_close()


class Handler(socketserver.StreamRequestHandler):
    """The SMTP commands that our clients use."""

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


def seconds() -> float:
    """How long the server of the email backend takes for an email."""
    return settings.SLOW_MAIL or SECONDS


@cache
def server_of_this_process(seconds: float) -> Server:
    return Server(seconds)


class EmailBackend(smtp.EmailBackend):
    """Sends real SMTP to the slow server. The emails are captured, too."""

    def __init__(self, *, fail_silently: bool = False) -> None:
        super().__init__(
            host="127.0.0.1",
            port=server_of_this_process(seconds()).port,
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
