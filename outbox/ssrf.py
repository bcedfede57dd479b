"""Keeps requests to addresses that people have typed away from our own network (server-side request forgery).

Our own requests (`outbox.http`) and those of other clients, such as Apprise, run inside `public_only()`. Every Python
client resolves a name through `socket.getaddrinfo` and connects to what it returns, so the check there covers each
host, each redirect and each name whose address changes. The name still counts for Host, TLS and the certificate.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext
from urllib3.util import connection

from outbox.deadline import Deadline

MAX_SECONDS = 10  # for everything that happens in `public_only()` or in one request
NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last four bytes
IPV6_UNICAST = ip_network("2000::/3")  # all global IPv6 addresses that are assigned
DOCUMENTATION = ip_network("3fff::/20")  # RFC 9637; Python's ipaddress does not know it yet
original_getaddrinfo = socket.getaddrinfo
original_create_connection = connection.create_connection
active = threading.local()  # its `deadline` is set while this thread is in `public_only()`


class Refused(Exception):
    """We must not connect to this address. The text is for the person who typed it."""


def install() -> None:
    """Makes `public_only` work in this process. It changes nothing outside such a block."""
    socket.getaddrinfo = _getaddrinfo
    connection.create_connection = _create_connection


@contextmanager
def public_only() -> Iterator[None]:
    """In this block, this thread connects to public addresses only, and for `MAX_SECONDS` at most. Connecting to
    another address raises `Refused`."""
    if socket.getaddrinfo is not _getaddrinfo:
        raise RuntimeError("Call outbox.ssrf.install() first.")
    with Deadline(MAX_SECONDS) as active.deadline:
        try:
            yield
        finally:
            active.deadline = None


def _getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    found = original_getaddrinfo(host, *args, **kwargs)
    if getattr(active, "deadline", None):
        for *_, address in found:
            check_address(str(address[0]))
    return found


def _create_connection(address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
    """Connects to the first address of the host that accepts. After the deadline no further address is tried."""
    deadline: Deadline | None = getattr(active, "deadline", None)
    if not deadline:
        return original_create_connection(address, *args, **kwargs)
    host, port = address
    failure = OSError("the name has no address")
    for ip in public_addresses(host, port):
        try:
            created = original_create_connection((ip, port), *args, **kwargs)
        except OSError as error:
            failure = error
            if deadline.expired:
                break
        else:
            deadline.follow(created)
            return created
    raise failure


def check_address(address: str) -> None:
    """Raises `Refused` for an address of this machine or of a private network, in IPv4, IPv6 or one inside the other.
    `OUTSIDE_ALLOW` names exceptions."""
    ip = _unwrapped(ip_address(address.partition("%")[0]))
    if any(ip in network for network in settings.OUTSIDE_ALLOW):
        return
    public = (
        ip.is_global if isinstance(ip, IPv4Address) else ip.is_global and ip in IPV6_UNICAST and ip not in DOCUMENTATION
    )
    if not public or ip.is_multicast or ip.is_reserved:
        raise Refused(gettext("%(address)s isn't a public address.") % {"address": ip})


def _unwrapped(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def public_addresses(host: str, port: int) -> list[str]:
    """Resolves a host once. Raises `Refused` if one of its addresses is not public, `OSError` or `UnicodeError` if it
    has none."""
    addresses = [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in addresses:
        check_address(address)
    return addresses


def check_host(host: str, port: int = 443) -> None:
    """Raises `Refused` for a host that is unknown or not public."""
    try:
        public_addresses(host, port)
    except (OSError, UnicodeError) as error:
        raise Refused(gettext("Couldn't find %(host)s.") % {"host": host}) from error


def check_url(url: str) -> None:
    """Raises `Refused`, with the reason, for a URL that no request may be sent to."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused(gettext("Enter a valid URL.")) from error
    if parts.scheme not in ("http", "https") or not host:
        raise Refused(gettext("Enter a full URL, such as https://example.com."))
    if parts.username or parts.password:
        raise Refused(gettext("Remove the username from the URL."))
    check_host(host, port or 443)
