"""Sends events to every page that watches their topics. Nothing else may call ``group_send``.

All events go through one group of the channel layer, on one event loop that lives as long as the process:
`async_to_sync` would open a new Redis connection for each broadcast.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from channels.layers import get_channel_layer

from core import metrics
from live.topics import Event

GROUP = "live"
TIMEOUT = 1.0  # seconds; after that pages get the state with the hub's next resync
log = logging.getLogger(__name__)


def broadcast(events: Iterable[Event]) -> bool:
    """Sends events to all pages. Never raises: after a lost broadcast, pages are stale for a few seconds.
    Returns whether it was sent."""
    listed = [list(event) for event in events]
    if not listed:
        return True
    sent = _send({"type": "live.events", "events": listed})
    if sent:
        metrics.count("broadcast_events", len(listed))
    return sent


def close_sockets() -> bool:
    """Makes every web process close its sockets. Their pages connect again."""
    return _send({"type": "live.events", "events": [], "close": True})


def _send(message: dict[str, Any]) -> bool:
    for attempt in range(2):  # the first may use a connection to a Redis that has gone
        try:
            sending = asyncio.wait_for(get_channel_layer().group_send(GROUP, message), TIMEOUT)
            asyncio.run_coroutine_threadsafe(sending, _loop(os.getpid())).result(TIMEOUT)
            return True
        except Exception as error:
            log.warning("broadcast, attempt %d, %d events: %r", attempt + 1, len(message["events"]), error)
    return False


async def send_ping(sender: str) -> None:
    """Sends a message that says nothing to pages. The hub that sends it expects it back: its connection works."""
    message = {"type": "live.events", "events": [], "ping": sender}
    await asyncio.wait_for(get_channel_layer().group_send(GROUP, message), TIMEOUT)


@lru_cache(maxsize=1)
def _loop(pid: int) -> asyncio.AbstractEventLoop:
    """The loop of this process. A forked worker has another pid and gets a loop of its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="broadcast", daemon=True).start()
    return loop
