"""Limits of a request in daphne, which otherwise receives a body of any size into a temporary file and waits as long as
a byte a minute arrives."""

from __future__ import annotations

from typing import Any

from daphne.http_protocol import WebRequest
from twisted.web.http import HTTPChannel

MAX_BODY = 64 * 1024  # bytes, as DATA_UPLOAD_MAX_MEMORY_SIZE
MAX_SECONDS = 30  # from the first byte of a request to its last; also between two requests of a connection
API = b"/api/"  # its errors are problems (RFC 9457)
TEXT = b"Request too large."
PROBLEM = b'{"type": "about:blank", "title": "Content Too Large", "status": 413, "detail": "Request too large."}'


def refusal(path: bytes) -> bytes:
    """The response to a request that is too large."""
    media_type, body = (b"application/problem+json", PROBLEM) if path.startswith(API) else (b"text/plain", TEXT)
    head = b"HTTP/1.1 413 Content Too Large\r\nContent-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return head % (media_type, len(body)) + body


class LimitedRequest(WebRequest):
    """Answers 413 as soon as it is known that the body is too large. What the client still sends is dropped: if the
    connection were closed at once, most clients would not read the answer."""

    received = 0  # bytes of the body
    refused = False

    def __init__(self, *args: Any) -> None:
        """Leaves the fields of a form to Django. Twisted would parse them, too, for a sixth of a like's CPU time."""
        super().__init__(*args, parsePOSTFormSubmission=False)

    def gotLength(self, length: int | None) -> None:
        super().gotLength(min(length or 0, MAX_BODY))  # a body of this size is kept in memory
        if length is not None and length > MAX_BODY:
            self.refuse()

    def handleContentChunk(self, data: bytes) -> None:
        self.received += len(data)
        if self.received > MAX_BODY and not self.refused:
            self.refuse()
        if not self.refused:
            super().handleContentChunk(data)

    def refuse(self) -> None:
        self.refused = True
        self.channel.transport.write(refusal(self.channel._path or b""))

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self.refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)


class DeadlineChannel(HTTPChannel):
    """Twisted starts the time limit again with each byte. Here only the first byte of a request does."""

    receiving = False

    def connectionMade(self) -> None:
        self.timeOut = MAX_SECONDS
        super().connectionMade()

    def resetTimeout(self) -> None:
        if not self.receiving:
            self.receiving = True
            super().resetTimeout()

    def allContentReceived(self) -> None:
        self.receiving = False
        super().allContentReceived()
