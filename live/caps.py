"""How many sockets may be open: by network, by visitor, and in this process. Each keeps a file descriptor, and pages
and likes need some too."""

from __future__ import annotations

import logging
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings

from core.rate_limits import Bucket, network

TRY_LATER = 1013  # the code with which a page comes back later (RFC 6455, IANA's registry)
PER_VISITOR = 50
RESERVE = 200  # descriptors for pages, likes and the database
TOO_MANY = "Too many open connections. It comes back by itself."
opened: Counter[str] = Counter()
lines = Bucket(burst=1, rate=1)  # a second
log = logging.getLogger(__name__)


@contextmanager
def counted(address: str, visitor: str | None) -> Iterator[bool]:
    """Counts a socket for as long as it is open. Yields whether it may be; if not, it is not counted."""
    caps = {"process": in_process()}
    if address:
        caps[f"network {network(address)}"] = settings.SOCKETS_PER_NETWORK
    if visitor:
        caps[f"visitor {visitor}"] = PER_VISITOR
    if full := [name for name, cap in caps.items() if opened[name] >= cap]:
        _log(full[0])
        yield False
        return
    opened.update(caps.keys())
    try:
        yield True
    finally:
        for name in caps:
            _release(name)


def in_process() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1_000_000 if soft == resource.RLIM_INFINITY else max(soft - RESERVE, 1)


def raise_file_limit() -> None:
    """As many files as the system lets this process open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _release(name: str) -> None:
    opened[name] -= 1
    if not opened[name]:
        del opened[name]


def _log(name: str) -> None:
    if not lines.take("refused"):
        log.warning("sockets are refused: %s has %d open", name, opened[name])
