"""Sends events to every page that watches their topics. Nothing else may call ``group_send``.

What belongs to one group goes to that group, so that only the web processes that need it do any work. A message costs
as much as ten likes, though (bench/broadcast.py), so what belongs to several groups goes to everybody in one.

They are sent on one event loop that lives as long as the process, by the thread that broadcasts: `async_to_sync` would
open a new Redis connection for each broadcast, and a thread for the loop would cost two changes of threads.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from channels.layers import get_channel_layer

from core import metrics
from live.groups import EVERYBODY, Group, group_of, servers
from live.topics import Event

TIMEOUT = 1.0  # seconds; after that pages get the state with the hub's next resync
Messages = Mapping[Group, dict[str, Any]]
Failed = dict[Group, BaseException]
log = logging.getLogger(__name__)


def broadcast(events: Iterable[Event]) -> bool:
    """Sends events to all pages. Never raises: after a lost broadcast, pages are stale for a few seconds.
    Returns whether all were sent."""
    by_group: dict[Group, list[Event]] = {}
    for event in events:
        by_group.setdefault(group_of(event.via or event.topic), []).append(event)
    messages = {group: [event[:4] for event in found] for group, found in _merged(by_group)}
    sent = _send({group: {"type": "live.events", "events": listed} for group, listed in messages.items()})
    if sent and by_group:
        metrics.count("broadcast_events", sum(map(len, by_group.values())))
    return sent


def _merged(by_group: Mapping[Group, list[Event]]) -> Iterator[tuple[Group, list[Event]]]:
    """One message for each server: to its group, or to everybody if there are several."""
    for server in servers():
        found = {group: events for group, events in by_group.items() if group.server == server}
        if len(found) > 1:
            yield Group(server, EVERYBODY), [event for events in found.values() for event in events]
        else:
            yield from found.items()


def close_sockets() -> bool:
    """Makes every web process close its sockets. Their pages connect again."""
    return _send({Group(servers()[0], EVERYBODY): {"type": "live.events", "events": [], "close": True}})


def _send(messages: Messages) -> bool:
    for attempt in range(2 if messages else 0):  # the first may use a connection to a Redis that has gone
        try:
            failed = _run(_send_all(messages))
        except Exception as error:
            failed = dict.fromkeys(messages, error)
        if not failed:
            return True
        group, reason = next(iter(failed.items()))
        log.warning("broadcast, attempt %d, %d groups, %s: %r", attempt + 1, len(failed), group.name, reason)
        messages = {group: messages[group] for group in failed}
    return not messages


async def _send_all(messages: Messages) -> Failed:
    """Those that could not be sent, with the reason."""
    sending = (_send_one(group, message) for group, message in messages.items())
    results = await asyncio.gather(*sending, return_exceptions=True)
    return {group: result for group, result in zip(messages, results, strict=True) if result is not None}


async def _send_one(group: Group, message: dict[str, Any]) -> None:
    async with asyncio.timeout(TIMEOUT):
        await get_channel_layer(group.server).group_send(group.name, message)


async def send_ping(server: str, sender: str) -> None:
    """Sends a message that says nothing to pages. The hub that sends it expects it back: its connection works."""
    await _send_one(Group(server, EVERYBODY), {"type": "live.events", "events": [], "ping": sender})


def _run(sending: Coroutine[Any, Any, Failed]) -> Failed:
    """Raises TimeoutError if the broadcasts of other threads take too long."""
    loop, turn = _loop(os.getpid())
    if not turn.acquire(timeout=2 * TIMEOUT):
        sending.close()
        raise TimeoutError("other broadcasts take too long")
    try:
        return loop.run_until_complete(sending)
    finally:
        turn.release()


@lru_cache(maxsize=1)
def _loop(pid: int) -> tuple[asyncio.AbstractEventLoop, threading.Lock]:
    """The loop of this process, and the lock of the thread that runs it. A forked worker has another pid and gets a
    loop of its own."""
    return asyncio.new_event_loop(), threading.Lock()
