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

from live import topics
from live.broadcast import GROUP
from live.database import read
from live.sockets import NOTHING, Message, Page, Socket, message
from live.state import Changes, Newest
from live.topics import Event

SHORTEST, LONGEST = 0.02, 0.1  # seconds between two ticks
LOAD = 5  # a tick that took 10 ms is followed by 50 ms of rest
BREATH = 100  # frames, after which the clicks that wait go first
RESYNC = 5.0  # seconds; heals whatever a push has lost
CHUNK = 500  # topics in one question to the database
TOGETHER = 20  # sockets that share one question when they join
WAIT = 1.0  # seconds for a hub that is still subscribing; without Redis the page gets its snapshot all the same
SILENCE = 3  # resyncs; a page that hears nothing for longer knows that its socket is dead
HEARTBEAT = message(NOTHING)
Frame = tuple[Socket, Mapping[str, str], Message | None]
log = logging.getLogger(__name__)


class Hub:
    def __init__(self) -> None:
        self.pages: dict[Page, set[Socket]] = defaultdict(set)
        self.newest = Newest()
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
                self.newest.open(page)
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
                del self.pages[page]
                self.newest.close(page)

    async def _welcome(self) -> None:
        """Those who join while a question is under way share the next one."""
        try:
            await asyncio.wait_for(self.subscribed.wait(), WAIT)
        except TimeoutError:
            log.warning("live without Redis: pages refresh every few seconds")
        while self.joining:
            batch, self.joining = self.joining[:TOGETHER], self.joining[TOGETHER:]
            try:
                await self._tell_state([socket for socket, _ in batch])
                error = None
            except Exception as failure:
                error = failure
            for _, welcomed in batch:
                if not welcomed.done():
                    welcomed.set_exception(error) if error else welcomed.set_result(None)

    async def _tell_state(self, sockets: list[Socket]) -> None:
        """Asks only for what is not known, and for what only these visitors should know."""
        asked = {topic for socket in sockets for topic in socket.asked}
        visitors = [socket.visitor for socket in sockets if socket.visitor]
        events = await read(topics.states, sorted(asked - self.newest.known), visitors, sorted(asked))
        # A topic that nobody has watched for a moment may have changed unheard.
        self.newest.known.update(*(socket.asked for socket in sockets if socket in self.pages.get(socket.asked, ())))
        self.take(events)
        own = defaultdict(list)
        for event in events:
            own[event.topic].append(event.name)
        for socket in sockets:
            states = [self.newest.states(topic) for topic in socket.asked]
            states += [self.newest.states(topic, own[topic]) for page in socket.pages[1:] for topic in page]
            # As a task: the tick that all this has woken comes first, and its news goes into the same frame.
            socket.offer({name: state for some in states for name, state in some.items()}, run=asyncio.create_task)

    def take(self, events: Iterable[Event]) -> None:
        """Keeps what is new and wakes the tick."""
        self.newest.take(events)
        if self.newest.changed:
            self.wake.set()
            if self.resting:
                self._tell_clickers()

    def _tell_clickers(self) -> None:
        for socket, states, made in self._frames(self.newest.own_changes()):
            socket.offer(states, made)

    async def _listen(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                self.subscribed.set()
                while True:
                    pushed = await layer.receive(channel)
                    self.take(Event(*event) for event in pushed["events"])
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
                await self._tell([*self._frames(self.newest.changes())])
            except Exception:
                log.exception("a tick failed; the next one goes on")
            self.resting = True
            await asyncio.sleep(min(max(SHORTEST, LOAD * (loop.time() - started)), LONGEST))
            self.resting = False

    async def _tell(self, frames: Iterable[Frame]) -> None:
        for number, (socket, states, made) in enumerate(frames, 1):
            socket.offer(states, made)
            if number % BREATH == 0:
                await asyncio.sleep(0)

    def _frames(self, changes: Changes) -> Iterator[Frame]:
        """One frame for each socket that watches any of this; those with the same page share it."""
        states = self.newest.pages(changes)
        personal = {page: states.pop(page) for page in [*states] if ":" in page[0]}
        own = {socket: new for page, new in personal.items() for socket in self.pages[page]}  # one for each tab
        for page, new in states.items():
            made = message(new)
            for socket in self.pages[page]:
                mine = own.pop(socket, None)
                yield (socket, new | mine, None) if mine else (socket, new, made)
        for socket, mine in own.items():
            yield socket, mine, None

    async def _refresh(self) -> None:
        watched = [topic for topic in self.newest.watchers if ":" not in topic]
        for start in range(0, len(watched), CHUNK):
            self.take(await read(topics.snapshot, watched[start : start + CHUNK]))

    async def _resync(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(RESYNC * random.uniform(0.8, 1.2))
            beats = (beats + 1) % SILENCE
            if not beats:
                everybody = {socket for sockets in self.pages.values() for socket in sockets}
                await self._tell((socket, NOTHING, HEARTBEAT) for socket in everybody)
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
