"""HTTP requests to addresses that people have typed: only to public addresses, without redirects, with a deadline."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from outbox import ssrf

if TYPE_CHECKING:
    import requests

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
    import requests  # large, and only the processes that send need it

    with ssrf.public_only(), requests.Session() as session:
        session.trust_env = False  # a proxy would resolve the name itself
        timeout = ssrf.MAX_SECONDS / 2
        response = session.post(url, body, headers=headers, timeout=timeout, allow_redirects=False, stream=True)
        return Response(response.status_code, response.reason or "", response.headers, _beginning(response))


def _beginning(response: requests.Response) -> str:
    """The first `MAX_TEXT` bytes of the body, or what has come until the deadline."""
    import requests

    text = b""
    with response, suppress(requests.RequestException):
        for piece in response.iter_content(1):
            text += piece
            if len(text) >= MAX_TEXT:
                break
    return text.decode(errors="replace")
