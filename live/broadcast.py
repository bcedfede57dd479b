"""The one door to the browser: what is pushed here reaches every page that watches.

All of it goes through one group of the channel layer, on one event loop that lives as long as the process:
`async_to_sync` would open a new Redis connection for each push.
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

from live.topics import Event

GROUP = "live"
SECONDS = 1.0  # a push may take this long; after that pages learn it from their next snapshot
log = logging.getLogger(__name__)


def broadcast(events: Iterable[Event]) -> bool:
    """Sends events to all pages. Never raises: a lost push costs seconds of staleness, not an error."""
    message = {"type": "live.events", "events": [list(event) for event in events]}
    if not message["events"]:
        return True
    for attempt in range(2):  # the first may meet a connection that died with the last Redis
        try:
            asyncio.run_coroutine_threadsafe(_send(message), _loop(os.getpid())).result(SECONDS)
            return True
        except Exception as error:
            log.warning("broadcast %d of %d events failed: %r", attempt + 1, len(message["events"]), error)
    return False


async def _send(message: dict[str, Any]) -> None:
    await asyncio.wait_for(get_channel_layer().group_send(GROUP, message), SECONDS)


@lru_cache(maxsize=1)
def _loop(pid: int) -> asyncio.AbstractEventLoop:
    """This process's loop; a forked worker gets one of its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="push", daemon=True).start()
    return loop
