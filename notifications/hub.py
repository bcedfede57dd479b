"""One hub in each web process stands between the channel layer and the sockets.

It reads the live group once for all of them, drops what is older than what it has sent, and gives each socket one frame
a tick with the newest state of every topic it watches: the first at once, the last always. What became of a visitor's
own click does not wait for the tick.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from notifications import topics
from notifications.push import GROUP
from notifications.reader import read
from notifications.sockets import Page, Socket
from notifications.topics import Event

SHORTEST, LONGEST = 0.02, 0.1  # seconds between two ticks
LOAD = 5  # a tick that took 10 ms is followed by 50 ms of rest
BREATH = 100  # frames, after which a tick lets the clicks that wait go first
RESYNC = 5.0  # seconds; heals whatever a push has lost
EARLY = 1000  # visitors whose last news is kept for the socket that is about to join with their new cookie
CHUNK = 500  # topics in one question to the database
TOGETHER = 20  # sockets that share one question when they join
WAIT = 1.0  # seconds for a hub that is still subscribing; without Redis the page gets its snapshot all the same
HEARTBEAT = 3  # resyncs; a page that hears nothing for longer knows that its socket is dead
log = logging.getLogger(__name__)
Changes = dict[str, set[str]]  # names by topic


class Hub:
    def __init__(self) -> None:
        self.pages: dict[Page, set[Socket]] = defaultdict(set)
        self.watchers: dict[str, set[Page]] = defaultdict(set)
        self.newest: dict[str, dict[str, tuple[int, str]]] = {}
        self.known: set[str] = set()  # topics whose whole state is in `newest`
        self.early: dict[str, dict[str, tuple[int, str]]] = {}
        self.changed: Changes = defaultdict(set)
        self.resting = False
        self.joining: list[tuple[Socket, asyncio.Future[None]]] = []
        self.welcoming: asyncio.Task[None] | None = None
        self.wake = asyncio.Event()
        self.subscribed = asyncio.Event()
        self.tasks = [asyncio.create_task(work()) for work in (self._listen, self._tick, self._resync)]

    async def join(self, socket: Socket) -> None:
        """Subscribes first and reads the state second: nothing falls between the two. Raises `DatabaseError`."""
        for page in socket.pages:
            if page not in self.pages:
                self._open(page)
            self.pages[page].add(socket)
        welcomed = asyncio.get_running_loop().create_future()
        self.joining.append((socket, welcomed))
        if self.welcoming is None or self.welcoming.done():
            self.welcoming = asyncio.create_task(self._welcome())
        await welcomed

    def leave(self, socket: Socket) -> None:
        for page in socket.pages:
            self.pages[page].discard(socket)
            if not self.pages[page]:
                self._close(page)

    def _open(self, page: Page) -> None:
        for topic in page:
            self.watchers[topic].add(page)
            if topic in self.early:
                self.newest[topic] = self.early.pop(topic)

    def _close(self, page: Page) -> None:
        del self.pages[page]
        for topic in page:
            self.watchers[topic].discard(page)
            if not self.watchers[topic]:
                del self.watchers[topic]
                self.newest.pop(topic, None)
                self.known.discard(topic)

    async def _welcome(self) -> None:
        """Those who join while a question is under way share the next one, which asks only for what is not known."""
        try:
            await asyncio.wait_for(self.subscribed.wait(), WAIT)
        except TimeoutError:
            log.warning("live without Redis: pages refresh every few seconds")
        while self.joining:
            batch, self.joining = self.joining[:TOGETHER], self.joining[TOGETHER:]
            try:
                events = await self._ask([socket for socket, _ in batch])
            except Exception as error:
                for _, welcomed in batch:
                    if not welcomed.cancelled():
                        welcomed.set_exception(error)
                continue
            for socket, welcomed in batch:
                socket.offer(self._state(socket, events))
                if not welcomed.cancelled():
                    welcomed.set_result(None)

    async def _ask(self, sockets: list[Socket]) -> list[Event]:
        asked = {topic for socket in sockets for topic in socket.asked}
        visitors = [socket.visitor for socket in sockets if socket.visitor]
        events = await read(topics.states, sorted(asked - self.known), visitors, sorted(asked))
        # A topic that nobody has watched for a moment may have changed unheard.
        self.known.update(*(socket.asked for socket in sockets if socket in self.pages.get(socket.asked, ())))
        self.take(events)
        return events

    def _state(self, socket: Socket, events: list[Event]) -> dict[str, str]:
        names = {topic: self.newest.get(topic, {}) for topic in socket.asked}
        found = {name: state for known in names.values() for name, (_, state) in known.items()}
        if socket.visitor:
            own = topics.personal(socket.visitor)
            mine = self.newest.get(own, {})
            found |= {e.name: mine[e.name][1] for e in events if e.topic == own and e.name in mine}
        return found

    def take(self, events: Iterable[Event]) -> None:
        """Keeps what is new and wakes the tick."""
        for topic, name, version, state in events:
            if topic not in self.watchers:
                if ":" in topic:
                    self._keep_early(topic, name, version, state)
                continue
            newest = self.newest.setdefault(topic, {})
            known = newest.get(name)
            # Of two with one version the fuller counts: a snapshot that overtakes the push lacks the click's journey.
            if known is None or (known[0], len(known[1])) < (version, len(state)):
                newest[name] = (version, state)
                self.changed[topic].add(name)
        if self.changed:
            self.wake.set()
            if self.resting:
                self._tell_clickers()

    def _keep_early(self, topic: str, name: str, version: int, state: str) -> None:
        self.early.setdefault(topic, {})[name] = (version, state)
        if len(self.early) > EARLY:
            del self.early[next(iter(self.early))]

    def _tell_clickers(self) -> None:
        own = {topic: self.changed.pop(topic) for topic in [*self.changed] if ":" in topic}
        for socket, states, text in self._frames(own):
            socket.offer(states, text)

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
            try:
                await self._flush()
            except Exception:
                log.exception("a tick failed; the next one goes on")
            self.resting = True
            await asyncio.sleep(min(max(SHORTEST, LOAD * (loop.time() - started)), LONGEST))
            self.resting = False

    async def _flush(self) -> None:
        changed, self.changed = self.changed, defaultdict(set)
        for number, (socket, states, text) in enumerate([*self._frames(changed)], 1):
            socket.offer(states, text)
            if number % BREATH == 0:
                await asyncio.sleep(0)

    def _frames(self, changed: Changes) -> Iterator[tuple[Socket, Mapping[str, str], str]]:
        """One frame for each socket that watches any of this; those with the same page share it."""
        states: dict[Page, dict[str, str]] = defaultdict(dict)
        for topic, names in changed.items():
            known = self.newest.get(topic, {})
            new = {name: known[name][1] for name in names if name in known}
            for page in self.watchers.get(topic, ()):
                states[page].update(new)
        personal = {page: states.pop(page) for page in [*states] if ":" in page[0]}
        own = {socket: new for page, new in personal.items() for socket in self.pages[page]}  # one for each tab
        for page, new in states.items():
            text = topics.frame(new)
            for socket in self.pages[page]:
                mine = own.pop(socket, None)
                yield (socket, new | mine, topics.frame(new | mine)) if mine else (socket, new, text)
        for socket, mine in own.items():
            yield socket, mine, topics.frame(mine)

    async def _refresh(self) -> None:
        watched = [topic for topic in self.watchers if ":" not in topic]
        for start in range(0, len(watched), CHUNK):
            self.take(await read(topics.snapshot, watched[start : start + CHUNK]))

    async def _resync(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(RESYNC * random.uniform(0.8, 1.2))
            beats = (beats + 1) % HEARTBEAT
            if not beats:
                for socket in {socket for sockets in self.pages.values() for socket in sockets}:
                    socket.offer({}, "{}")
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
