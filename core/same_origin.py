"""Whether a request comes from a page of this site: for endpoints that do not use Django's CSRF check."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

LOCAL_HOSTS = [".localhost", "127.0.0.1", "[::1]"]  # Django's default with DEBUG and no ALLOWED_HOSTS

Headers = Mapping[str, str]  # names in lower case


def decode_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of an ASGI scope as text, names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


@lru_cache(maxsize=64)
def is_known_host(host: str) -> bool:
    """Whether a Host header names this site."""
    return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS or LOCAL_HOSTS)


def same_origin(headers: Headers) -> bool:
    """False if a browser says that the request comes from another site.

    Sec-Fetch-Site decides; without it, Origin must match Host, and if a proxy says that the request came over TLS, it
    must be https. A request with neither is not from a browser, so no cookies can be misused: the rule of Go's
    net/http.CrossOriginProtection (go.dev/issue/73626).
    """
    if site := headers.get("sec-fetch-site"):
        return site == "same-origin"
    if "origin" not in headers:
        return True
    try:
        origin = urlsplit(headers["origin"])
    except ValueError:  # for example http://[::1
        return False
    secure = headers.get("x-forwarded-proto") in ("https", "wss")
    return origin.netloc == headers.get("host") and (origin.scheme == "https" or not secure)
