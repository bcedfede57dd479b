"""What a proxy in front of the site says about a request, if it is one of TRUSTED_PROXIES: the address of the client in
X-Forwarded-For, and in X-Forwarded-Proto whether it came over TLS. The same for every server of ASGI applications.

Anybody can send these headers: from other peers they are removed. A peer on a unix socket is trusted: who may open it
is a matter of file permissions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase

FOR, PROTO = b"x-forwarded-for", b"x-forwarded-proto"
HEADERS = frozenset((FOR, PROTO))
CLAIMS_TLS = "untrusted_proxy"  # in the scope of a request that says without being trusted that it came over TLS
SECURE = {"http": "https", "websocket": "wss"}
NOT_TRUSTED = (
    "A proxy at %s sends X-Forwarded-Proto: https, but is not trusted: add its address to TRUSTED_PROXIES, and start "
    "the site again."
)
log = logging.getLogger(__name__)


def apply(scope: dict[str, Any]) -> None:
    """Puts the client's address and the scheme into an ASGI scope."""
    client = scope.get("client")
    peer = client[0] if client else ""
    address, trusted = known(peer) if peer else ("", True)
    if client and address and address != peer:
        scope["client"] = (address, client[1])
    headers = scope["headers"]
    forwarded = [header for header in headers if header[0] in HEADERS]
    if not forwarded:
        return
    if trusted:
        _believe(scope, forwarded, address)
        return
    scope["headers"] = [header for header in headers if header[0] not in HEADERS]
    if _scheme(forwarded) in ("https", "wss"):
        scope[CLAIMS_TLS] = peer


def _believe(scope: dict[str, Any], forwarded: list[tuple[bytes, bytes]], peer: str) -> None:
    if addresses := b",".join(value for name, value in forwarded if name == FOR):
        scope["client"] = (client_address(addresses, peer), 0)
    if _scheme(forwarded) in ("https", "wss"):
        scope["scheme"] = SECURE[scope["type"]]


def _scheme(forwarded: list[tuple[bytes, bytes]]) -> str:
    """What the nearest proxy says: each may add its own to those before it."""
    schemes = b",".join(value for name, value in forwarded if name == PROTO)
    return schemes.rpartition(b",")[2].strip().decode("latin-1").lower()


@lru_cache(maxsize=10_000)
def client_address(forwarded: bytes, peer: str) -> str:
    """The last address in X-Forwarded-For that is not of a trusted proxy: what stands before it may be forged. If all
    are trusted, the first. What is no address ends the search."""
    found = peer
    for text in reversed(forwarded.decode("latin-1").split(",")):
        address, trusted = known(_without_port(text.strip()))
        if not address:
            break
        found = address
        if not trusted:
            break
    return found


def _without_port(text: str) -> str:
    if text.startswith("["):  # [2001:db8::1]:443
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


@lru_cache(maxsize=10_000)
def known(text: str) -> tuple[str, bool]:
    """An address in its usual form, so that an IPv4 client of an IPv6 socket is the same as any other, and whether it
    is a trusted proxy. Empty if it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return "", False
    address = getattr(address, "ipv4_mapped", None) or address
    return str(address), any(address in network for network in settings.TRUSTED_PROXIES)


def untrusted_proxy_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., Any]:
    """Where a redirect to https would come back as the same request, for ever, it says why."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        peer = getattr(request, "scope", {}).get(CLAIMS_TLS)
        if peer is None or not settings.SECURE_SSL_REDIRECT or not isinstance(response, HttpResponsePermanentRedirect):
            return response
        log.warning(NOT_TRUSTED, peer)
        return HttpResponse(NOT_TRUSTED % peer, content_type="text/plain", status=HTTPStatus.BAD_REQUEST)

    return middleware
