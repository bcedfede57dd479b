"""What this web process receives from one Redis server: the groups that its pages need, and no others."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer

from live.broadcast import send_ping
from live.groups import EVERYBODY

SUBSCRIBE_TIMEOUT = 1.0  # seconds; without Redis a page still gets its snapshot
PING_EVERY, SILENCE = 4.0, 10.0  # seconds; without a ping for that long, the connection to Redis is dead
LEAVE_AFTER = 30.0  # seconds without a page that needs the group: a page that is loaded again finds it still joined
Receive = Callable[[dict[str, Any]], Awaitable[None]]
log = logging.getLogger(__name__)


class Subscription:
    def __init__(self, server: str, needed: Callable[[], Iterable[str]], receive: Receive) -> None:
        """``needed()`` returns the names of the groups that pages need now, ``receive`` takes each message."""
        self.server, self.needed, self.receive = server, needed, receive
        self.joined: dict[str, float] = {}  # groups, and when a page last needed them
        self.changing = asyncio.Lock()  # held while a group is joined or left
        self.channel = ""  # empty while there is no connection
        self.subscribed = asyncio.Event()  # once there was one
        self.away = False  # Redis has not answered
        self.id, self.heard_at = uuid.uuid4().hex, time.monotonic()  # when its latest ping came back
        self.tasks = [asyncio.create_task(work()) for work in (self._listen, self._ping)]

    @property
    def layer(self) -> Any:
        return get_channel_layer(self.server)

    def lacks(self, groups: Iterable[str]) -> bool:
        return not self.joined.keys() >= {*groups}

    async def join(self, groups: Iterable[str]) -> None:
        """Returns when these groups are joined, or after `SUBSCRIBE_TIMEOUT`. Does not wait while Redis is away: what
        pages need is joined with the next connection, or by `align`."""
        if not self.away:
            await self._join_all(groups)

    async def _join_all(self, groups: Iterable[str]) -> None:
        try:
            async with asyncio.timeout(SUBSCRIBE_TIMEOUT):
                await self.subscribed.wait()
                for group in groups:
                    await self._join(group)
            self.away = False
        except Exception as error:
            log.warning("live without Redis, pages refresh every few seconds: %r", error)
            self.away = True

    async def _join(self, group: str) -> None:
        async with self.changing:
            if self.channel and group not in self.joined:
                await self.layer.group_add(group, self.channel)
            if self.channel:
                self.joined[group] = time.monotonic()

    async def align(self) -> None:
        """Joins what is needed and not joined yet, and leaves what no page has needed for `LEAVE_AFTER`."""
        await self._join_all({*self.needed()})
        latest, needed = time.monotonic() - LEAVE_AFTER, {*self.needed()}
        unused = [group for group, at in self.joined.items() if at < latest and group not in needed]
        for group in unused:
            del self.joined[group]  # all at once and first: a page that comes from now on joins it again
        for group in unused:
            async with self.changing:
                if group not in self.joined:
                    with suppress(Exception):  # then the connection is lost, and with it the group
                        await self.layer.group_discard(group, self.channel)

    async def _listen(self) -> None:
        while True:
            try:
                await self._subscribe()
                end_if_cancelled()
                while True:
                    async with asyncio.timeout(SILENCE):
                        received = await self.layer.receive(self.channel)
                    if received.get("ping") == self.id:
                        self.heard_at = time.monotonic()
                    await self.receive(received)
            except Exception as error:
                log.warning("could not read the channel layer, connecting again: %r", error)
                await self._close()

    async def _subscribe(self) -> None:
        channel = await self.layer.new_channel()
        await self.layer.group_add(EVERYBODY, channel)
        self.channel = channel
        for group in [*self.needed()]:
            await self._join(group)
        self.away = False
        self.subscribed.set()

    async def _close(self) -> None:
        """Closes the connections of this loop, which may be dead without being closed. The next use opens new ones."""
        self.channel = ""
        self.joined.clear()
        flushing = asyncio.create_task(self._flush())  # a task of its own: `flush` ignores that its caller is cancelled
        await asyncio.wait([flushing], timeout=SUBSCRIBE_TIMEOUT)
        flushing.cancel()
        await asyncio.sleep(SUBSCRIBE_TIMEOUT)

    async def _flush(self) -> None:
        with suppress(Exception):
            await self.layer.flush()

    async def _ping(self) -> None:
        while True:
            with suppress(Exception):  # then no ping comes back, and `_listen` connects again
                await send_ping(self.server, self.id)
            end_if_cancelled()
            await asyncio.sleep(PING_EVERY)


def end_if_cancelled() -> None:
    """Ends a task that was cancelled while the client of Redis connected, which may lose that on Python 3.11."""
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError
