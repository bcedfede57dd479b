"""One hub in each web process stands between the channel layer and the sockets.

It reads the live group once for all of them, drops what is older than what it has sent, and gives each socket one frame
a tick with the newest state of every topic it watches: the first at once, the last always.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from notifications import topics
from notifications.push import GROUP
from notifications.reader import read
from notifications.topics import Event

SHORTEST, LONGEST = 0.02, 0.1  # seconds between two ticks
LOAD = 5  # a tick that took 10 ms is followed by 50 ms of rest
RESYNC = 5.0  # seconds; heals whatever a push has lost
EARLY = 1000  # visitors whose last news is kept for the socket that is about to join with their new cookie
CHUNK = 500  # topics in one question to the database
HEARTBEAT = 3  # resyncs; a page that hears nothing for longer knows that its socket is dead
log = logging.getLogger(__name__)


class Socket:
    """One page. A slow one gets fewer frames with newer state, and holds up nobody else."""

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self.send = send
        self.pending: dict[str, str] = {}
        self.sending: asyncio.Task[None] | None = None

    def offer(self, states: dict[str, str]) -> asyncio.Task[None]:
        self.pending.update(states)
        if self.sending is None or self.sending.done():
            self.sending = asyncio.create_task(self._drain())
        return self.sending

    async def _drain(self) -> None:
        while True:
            states, self.pending = self.pending, {}
            try:
                await self.send(topics.frame(states.items()))
            except Exception as error:  # the page has gone; its disconnect follows
                log.debug("send failed: %r", error)
                return
            if not self.pending:
                return


class Hub:
    def __init__(self) -> None:
        self.watchers: dict[str, set[Socket]] = defaultdict(set)
        self.newest: dict[str, dict[str, tuple[int, str]]] = defaultdict(dict)
        self.early: dict[str, dict[str, tuple[int, str]]] = {}
        self.changed: dict[str, set[str]] = defaultdict(set)
        self.wake = asyncio.Event()
        self.subscribed = asyncio.Event()
        self.tasks = [asyncio.create_task(work()) for work in (self._listen, self._tick, self._resync)]

    def join(self, socket: Socket, watched: Iterable[str]) -> None:
        for topic in watched:
            self.watchers[topic].add(socket)
            self.newest[topic].update(self.early.pop(topic, {}))

    def leave(self, socket: Socket, watched: Iterable[str]) -> None:
        for topic in watched:
            self.watchers[topic].discard(socket)
            if not self.watchers[topic]:
                del self.watchers[topic]
                self.newest.pop(topic, None)

    def take(self, events: Iterable[Event]) -> dict[str, str]:
        """Keeps what is new and wakes the tick. Returns the newest state of every name in the events."""
        states = {}
        for topic, name, version, state in events:
            known = self.newest[topic].get(name) if topic in self.watchers else None
            # Of two with one version the fuller counts: a snapshot that overtakes the push lacks the click's journey.
            if known and (known[0], len(known[1])) >= (version, len(state)):
                states[name] = known[1]
                continue
            states[name] = state
            if topic in self.watchers:
                self.newest[topic][name] = (version, state)
                self.changed[topic].add(name)
            elif ":" in topic:
                self._keep_early(topic, name, version, state)
        if self.changed:
            self.wake.set()
        return states

    def _keep_early(self, topic: str, name: str, version: int, state: str) -> None:
        self.early.setdefault(topic, {})[name] = (version, state)
        if len(self.early) > EARLY:
            del self.early[next(iter(self.early))]

    async def _listen(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                self.subscribed.set()
                while True:
                    message = await layer.receive(channel)
                    self.take(Event(*event) for event in message["events"])
            except Exception as error:
                log.warning("the live group cannot be read: %r", error)
                await asyncio.sleep(1)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self.wake.wait()
            self.wake.clear()
            started = loop.time()
            if tasks := self._flush():
                await asyncio.wait(tasks, timeout=LONGEST)
            await asyncio.sleep(min(max(SHORTEST, LOAD * (loop.time() - started)), LONGEST))

    def _flush(self) -> list[asyncio.Task[None]]:
        changed, self.changed = self.changed, defaultdict(set)
        states: dict[Socket, dict[str, str]] = defaultdict(dict)
        for topic, names in changed.items():
            known = self.newest.get(topic, {})
            new = {name: known[name][1] for name in names if name in known}
            for socket in self.watchers.get(topic, ()):
                states[socket].update(new)
        return [socket.offer(new) for socket, new in states.items()]

    async def _refresh(self) -> None:
        watched = [topic for topic in self.watchers if ":" not in topic]
        for start in range(0, len(watched), CHUNK):
            self.take(await read(topics.snapshot, None, watched[start : start + CHUNK]))

    async def _resync(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(RESYNC * random.uniform(0.8, 1.2))
            beats = (beats + 1) % HEARTBEAT
            if not beats:
                for socket in {socket for watching in self.watchers.values() for socket in watching}:
                    socket.offer({})
            try:
                await self._refresh()
            except Exception as error:
                log.warning("the hub cannot read the database: %r", error)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop, which is that of the process."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
