"""Keeps requests to addresses that people have typed away from our own network (server-side request forgery).

Every client in Python that we use resolves a name through `socket.getaddrinfo` and connects to what it returns, one
right after the other. So the check stands there: it sees each host, each redirect and each name whose address changes,
and leaves no time between the check and the connection. It is on for one thread and one block at a time, and so is the
time limit: the timeouts of a socket begin anew with every byte.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.utils.translation import gettext
from urllib3.util import connection

SECONDS = 10  # that another side may take in all
HEARD = 2000  # bytes of its answer that are kept
NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last four bytes
UNICAST = ip_network("2000::/3")  # all that is given out of IPv6
getaddrinfo = socket.getaddrinfo
create_connection = connection.create_connection
guarded = threading.local()


class Refused(Exception):
    """The address is not one that may be written to. Its text is for the person who typed it."""


class Answer(NamedTuple):
    status: int
    reason: str
    headers: Mapping[str, str]
    text: str

    def __str__(self) -> str:
        return f"{self.status} {self.reason}".strip()


class Watch:
    """Hangs up all connections of a block when its time is over."""

    def __init__(self) -> None:
        self.lines: list[socket.socket] = []
        self.over = False
        self.timer = threading.Timer(SECONDS, self.end)
        self.timer.daemon = True
        self.timer.start()

    def follow(self, line: socket.socket) -> None:
        self.lines.append(line.dup())  # TLS empties the object that it wraps
        if self.over:
            self.end()

    def end(self) -> None:
        self.over = True
        for line in self.lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.timer.cancel()
        for line in self.lines:
            line.close()


@contextmanager
def outside() -> Iterator[None]:
    """Whatever this thread connects to in the block is outside, and hung up after `SECONDS`. Raises `Refused` where it
    is not outside."""
    guarded.watch = Watch()
    try:
        yield
    finally:
        guarded.watch.close()
        guarded.watch = None


def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
    found = getaddrinfo(host, *args, **kwargs)
    if getattr(guarded, "watch", None):
        for *_, address in found:
            check(str(address[0]))
    return found


def connect(*args: Any, **kwargs: Any) -> socket.socket:
    line = create_connection(*args, **kwargs)
    if getattr(guarded, "watch", None):
        guarded.watch.follow(line)
    return line


socket.getaddrinfo = resolve
connection.create_connection = connect


def check(address: str) -> None:
    """Raises `Refused` for an address of this machine or of a private network, however it is wrapped."""
    ip = unwrapped(ip_address(address.partition("%")[0]))
    if any(ip in network for network in settings.OUTSIDE_ALLOW):
        return
    public = ip.is_global if isinstance(ip, IPv4Address) else ip.is_global and ip in UNICAST
    if not public or ip.is_multicast or ip.is_reserved:
        raise Refused(gettext("%(address)s isn't a public address.") % {"address": ip})


def unwrapped(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def look_at(url: str) -> None:
    """Raises `Refused` for a URL that could never be written to, with the reason."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused(gettext("Enter a valid URL.")) from error
    if parts.scheme not in ("http", "https") or not host:
        raise Refused(gettext("Enter a full URL, such as https://example.com."))
    if parts.username or parts.password:
        raise Refused(gettext("Remove the username from the URL."))
    look_up(host, port or 443)


def look_up(host: str, port: int = 443) -> None:
    """Raises `Refused` for a host that may not be written to."""
    with outside():
        try:
            resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Refused(gettext("Couldn't find %(host)s.") % {"host": host}) from error


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Sends it once, without following redirects. Raises `Refused`, or `requests.RequestException` where there was no
    whole answer in `SECONDS`."""
    with outside(), requests.Session() as session:
        session.trust_env = False  # a proxy would do the resolving
        answer = session.post(url, body, headers=headers, timeout=SECONDS / 2, allow_redirects=False, stream=True)
        return Answer(answer.status_code, answer.reason or "", answer.headers, _heard(answer))


def _heard(answer: requests.Response) -> str:
    """The beginning of what was said; somebody who speaks a letter at a time is not listened to for ever."""
    heard = b""
    with answer, suppress(requests.RequestException):
        for piece in answer.iter_content(1):
            heard += piece
            if len(heard) >= HEARD:
                break
    return heard.decode(errors="replace")
