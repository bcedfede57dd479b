"""How many sockets may be open: per network, per visitor and per process. Each takes a file descriptor, and pages,
likes and the database need some too."""

from __future__ import annotations

import logging
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings

from core.rate_limits import TokenBucket, network_of

TRY_LATER = 1013  # the close code after which a page reconnects later (IANA's registry for RFC 6455)
MAX_PER_VISITOR = 50
RESERVE = 200  # descriptors for pages, likes and the database
TOO_MANY = "Too many open connections. Try again later."
open_sockets: Counter[str] = Counter()
log_limit = TokenBucket(burst=1, rate=1)  # one line a second
log = logging.getLogger(__name__)


@contextmanager
def counted(address: str, visitor: str | None) -> Iterator[bool]:
    """Counts a socket for as long as it is open. Yields False, and does not count it, if a cap is reached."""
    caps = {"process": process_cap()}
    if address:
        caps[f"network {network_of(address)}"] = settings.SOCKETS_PER_NETWORK
    if visitor:
        caps[f"visitor {visitor}"] = MAX_PER_VISITOR
    if full := [name for name, cap in caps.items() if open_sockets[name] >= cap]:
        if not log_limit.take("refused"):
            log.warning("refusing sockets: %s has %d open", full[0], open_sockets[full[0]])
        yield False
        return
    open_sockets.update(caps.keys())
    try:
        yield True
    finally:
        for name in caps:
            open_sockets[name] -= 1
            if not open_sockets[name]:
                del open_sockets[name]


def process_cap() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1_000_000 if soft == resource.RLIM_INFINITY else max(soft - RESERVE, 1)


def raise_file_limit() -> None:
    """Raises the soft limit of open files to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
