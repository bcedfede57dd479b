"""HTTP requests to addresses that people have typed. A name is resolved once, its addresses are checked, and the
connection goes to one of them; the name still counts for Host, TLS and the certificate."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from outbox import ssrf
from outbox.deadline import Deadline

MAX_TEXT = 2000  # bytes of a response that are kept


class Response(NamedTuple):
    status: int
    reason: str
    headers: Mapping[str, str]
    text: str

    def __str__(self) -> str:
        return f"{self.status} {self.reason}".strip()


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Response:
    """Sends it once, without following redirects. Raises `ssrf.Refused`, or `requests.RequestException` if there was no
    complete response in `ssrf.MAX_SECONDS`."""
    with Deadline(ssrf.MAX_SECONDS) as deadline, requests.Session() as session:
        session.trust_env = False  # a proxy would resolve the name itself
        for scheme in ("http://", "https://"):
            session.mount(scheme, PublicAdapter(deadline))
        timeout = ssrf.MAX_SECONDS / 2
        response = session.post(url, body, headers=headers, timeout=timeout, allow_redirects=False, stream=True)
        return Response(response.status_code, response.reason or "", response.headers, _beginning(response))


def _beginning(response: requests.Response) -> str:
    """The first `MAX_TEXT` bytes of the body, or what has come until the deadline."""
    text = b""
    with response, suppress(requests.RequestException):
        for piece in response.iter_content(1):
            text += piece
            if len(text) >= MAX_TEXT:
                break
    return text.decode(errors="replace")


class PublicConnection(HTTPConnection):
    """Connects to public addresses only, until the deadline."""

    def __init__(self, *args: Any, deadline: Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deadline = deadline

    def _new_conn(self) -> socket.socket:
        name = self.host
        try:
            addresses = ssrf.public_addresses(name, self.port)
        except socket.gaierror as error:
            raise NameResolutionError(name, self, error) from error
        try:
            return self._connect(addresses)
        finally:
            self.host = name  # what TLS and the certificate are about

    def _connect(self, addresses: list[str]) -> socket.socket:
        """To the first address that accepts the connection."""
        failure: Exception = NewConnectionError(self, "the name has no address")
        for self.host in addresses:
            try:
                connection = super()._new_conn()
            except (NewConnectionError, ConnectTimeoutError) as error:
                failure = error
                if self.deadline.expired:
                    break
            else:
                self.deadline.follow(connection)
                return connection
        raise failure


class PublicTLSConnection(PublicConnection, HTTPSConnection):
    """The same inside TLS."""


class PublicAdapter(HTTPAdapter):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self.deadline = deadline

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        connection = PublicTLSConnection if pool.scheme == "https" else PublicConnection
        pool.ConnectionCls = partial(connection, deadline=self.deadline)
        return pool
