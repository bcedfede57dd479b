"""The longest wait and the most rows of each queue in each minute of the last two hours: beat samples them."""

from __future__ import annotations

import logging
import time

from core import metrics
from monitor.queues import waiting

EVERY = 10  # seconds
log = logging.getLogger(__name__)
next_at = 0.0


def sample_if_due() -> None:
    """Never raises: without Redis or the database, the charts have a gap."""
    global next_at
    if time.monotonic() < next_at:
        return
    next_at = time.monotonic() + EVERY
    try:
        sample()
    except Exception as error:
        log.warning("could not sample the queues: %r", error)


def sample() -> None:
    queues = waiting()
    pending = {f"pending:{queue.name}": queue.pending for queue in queues}
    oldest = {f"oldest:{queue.name}": round(queue.oldest.total_seconds() * 1e6) for queue in queues}
    metrics.record_highest(pending | oldest)
