"""The handshake of a websocket: the response to a request for one (RFC 6455, 4.2)."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from email.utils import formatdate
from http import HTTPStatus

from websockets.utils import accept_key

Headers = list[tuple[bytes, bytes]]  # names in lower case
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"
)
REFUSED = (
    b"HTTP/1.1 %d %b\r\nDate: %b\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
    b"Sec-WebSocket-Version: 13\r\nConnection: close\r\n\r\n%b"
)


class Refusal(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


def accepting(method: bytes, headers: Headers) -> bytes:
    """The response that opens the websocket. Raises `Refusal`."""
    found = dict(headers)
    connection = found.get(b"connection", b"").lower().split(b",")
    if method != b"GET" or b"upgrade" not in map(bytes.strip, connection):
        raise Refusal(400)
    if found.get(b"sec-websocket-version") != b"13":
        raise Refusal(426)
    return ACCEPTED % accept_key(_key(found.get(b"sec-websocket-key", b""))).encode()


def _key(value: bytes) -> str:
    try:
        if len(b64decode(value, validate=True)) == 16:
            return value.decode()
    except Error:
        pass
    raise Refusal(400)


def refusing(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase.encode()
    body = phrase + b".\n"
    return REFUSED % (status, phrase, formatdate(usegmt=True).encode(), len(body), body)
