"""How many sockets may be open: per network, per visitor and per process. Each takes a file descriptor, and pages,
likes and the database need some too."""

from __future__ import annotations

import logging
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from django.conf import settings

from core import metrics
from core.rate_limits import TokenBucket, network_of

TRY_LATER = 1013  # the close code after which a page reconnects later (IANA's registry for RFC 6455)
MAX_PER_VISITOR = 50
RESERVE = 200  # descriptors for pages, likes and the database
FEW = 2000  # open pages
TOO_MANY = "Too many open connections. Try again later."
open_sockets: Counter[str] = Counter()
log_limit = TokenBucket(burst=1, rate=1)  # one line a second
log = logging.getLogger(__name__)


def opened(address: str, visitor: str | None) -> bool:
    """Counts a socket that opens. False, and not counted: a cap is reached."""
    caps = [*_caps(address, visitor)]
    for name, cap in caps:
        if open_sockets[name] >= cap:
            if not log_limit.take("refused"):
                log.warning("refusing sockets: %s has %d open", name, open_sockets[name])
            return False
    for name, _ in caps:
        open_sockets[name] += 1
    metrics.count("sockets_opened")
    return True


def closed(address: str, visitor: str | None) -> None:
    """Counts a socket no longer that `opened` has counted."""
    for name, _ in _caps(address, visitor):
        open_sockets[name] -= 1
        if not open_sockets[name]:
            del open_sockets[name]


def _caps(address: str, visitor: str | None) -> Iterator[tuple[str, int]]:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield "process", 1_000_000 if files == resource.RLIM_INFINITY else max(files - RESERVE, 1)
    if address:
        yield f"network {network_of(address)}", settings.SOCKETS_PER_NETWORK
    if visitor:
        yield f"visitor {visitor}", MAX_PER_VISITOR


def raise_file_limit() -> None:
    """Raises the soft limit of open files to the hard one, and logs how many pages may be open: as a warning if few."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    pages = dict(_caps("", None))["process"]
    level = logging.WARNING if pages < FEW else logging.INFO
    log.log(level, "up to %d open pages (file limit %s)", pages, "none" if hard == resource.RLIM_INFINITY else hard)
