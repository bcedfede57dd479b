"""A push service on this machine, and a browser that can decrypt its messages."""

from __future__ import annotations

import json
import secrets
import threading
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CLOSES, NO_ANSWER = "closes", "no answer"


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class PushService:
    """Gives the ``answers`` of a test, one for each request, and then 201."""

    def __init__(self) -> None:
        self.answers: deque[tuple[int, dict[str, str]] | str] = deque()
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.url = ""


@contextmanager
def open_service() -> Iterator[PushService]:
    service = PushService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.requests.append(Request(self.path, dict(self.headers), body))
            answer = service.answers.popleft() if service.answers else (201, {})
            if answer == NO_ANSWER:
                service.closing.wait(60)
            if isinstance(answer, str):
                return
            self.send_response(answer[0])
            for name, value in {"Content-Length": "4", **answer[1]}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"text")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        service.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield service
        finally:
            service.closing.set()
            server.shutdown()


class Browser:
    """The keys of a browser that has subscribed."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = secrets.token_bytes(16)
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.p256dh, self.auth = base64url(point), base64url(self.secret)

    def subscription(self, endpoint: str = "https://127.0.0.2/send/secret") -> dict[str, str]:
        return {"endpoint": endpoint, "p256dh": self.p256dh, "auth": self.auth}

    def read(self, body: bytes) -> dict[str, Any]:
        text = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
        return dict(json.loads(text))


def base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
