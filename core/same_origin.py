"""Is a request from our own pages? Asked by every door that does not go through Django's CSRF check."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

LOCAL_HOSTS = [".localhost", "127.0.0.1", "[::1]"]  # what Django allows itself with DEBUG and no ALLOWED_HOSTS

Headers = Mapping[str, str]  # names in lower case


def decode(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of an ASGI scope as text."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


def known_host(headers: Headers) -> bool:
    return _allowed(headers.get("host", ""))


def same_origin(headers: Headers) -> bool:
    """True unless a browser says that another site asks.

    Sec-Fetch-Site decides, else Origin against Host. Neither means that no browser asks, and then nobody's cookies are
    misused: the rule of Go's net/http.CrossOriginProtection (go.dev/issue/73626).
    """
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


@lru_cache(maxsize=64)
def _allowed(host: str) -> bool:
    return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS or LOCAL_HOSTS)
