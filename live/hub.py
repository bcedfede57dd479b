"""One hub in each web process stands between the channel layer and the sockets.

It joins the groups of the channel layer that they need (`live/subscription.py`), drops events that are older than what
it has sent, and gives each socket one frame per tick with the newest state of every topic it watches. The first event
of a burst is sent at once, the last one always. The outcome of a visitor's own click does not wait for the tick.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from weakref import WeakKeyDictionary

from core import sessions
from live import topics
from live.caps import TRY_LATER
from live.database import read
from live.groups import group_of, servers
from live.sockets import EXPIRED, FORBIDDEN, NOTHING, Message, Socket, TopicSet, message, start
from live.state import Changes, LiveState
from live.subscription import Subscription
from live.topics import Event

SHORTEST_REST, LONGEST_REST = 0.02, 0.1  # seconds between two ticks
REST_FACTOR = 5  # a tick that took 10 ms is followed by 50 ms of rest
FRAMES_BEFORE_YIELD = 100
RESYNC = 5.0  # seconds; heals whatever a lost broadcast has missed
POLL_EVERY = 2.0  # seconds
CHUNK = 500  # topics in one database query
JOINED_TOGETHER = 20  # sockets that share one query when they join
HEARTBEAT_EVERY = 3  # resyncs; a page that receives nothing for longer knows that its socket is dead
HEARTBEAT = message(NOTHING)
Frame = tuple[Socket, Mapping[str, str], Message | None]
Joining = tuple[Socket, "asyncio.Future[None]"]
log = logging.getLogger(__name__)


class Hub:
    def __init__(self) -> None:
        self.sockets: dict[TopicSet, set[Socket]] = defaultdict(set)
        self.state = LiveState()
        self.resting = False
        self.joining: list[Joining] = []
        self.join_task: asyncio.Task[None] | None = None
        self.closing = set[asyncio.Task[None]]()
        self.wake = asyncio.Event()
        self.subscriptions = [Subscription(server, self._groups(server), self._receive) for server in servers()]
        self.tasks = [asyncio.create_task(work()) for work in (self._tick, self._resync, self._poll)]
        self.tasks += [task for each in self.subscriptions for task in each.tasks]

    async def join(self, socket: Socket) -> None:
        """Subscribes first and reads the snapshot second, so nothing falls between. (A Redis that stalls may read a
        broadcast of another connection before the subscription; `RESYNC` mends that.) Raises `DatabaseError`."""
        for topic_set in socket.topic_sets:
            self._watch(socket, topic_set)
        joined = asyncio.get_running_loop().create_future()
        self.joining.append((socket, joined))
        if self.join_task is None or self.join_task.done():
            self.join_task = asyncio.create_task(self._join_waiting())
        await joined

    def leave(self, socket: Socket) -> None:
        for topic_set in socket.topic_sets:
            self._unwatch(socket, topic_set)

    def _watch(self, socket: Socket, topic_set: TopicSet) -> None:
        if topic_set not in self.sockets:
            self.state.open(topic_set)
        self.sockets[topic_set].add(socket)

    def _unwatch(self, socket: Socket, topic_set: TopicSet) -> None:
        self.sockets[topic_set].discard(socket)
        if not self.sockets[topic_set]:
            del self.sockets[topic_set]
            self.state.close(topic_set)

    async def _join_waiting(self) -> None:
        """Sockets that join while a query is running share the next one."""
        while batch := await self._next_batch():
            try:
                await self._send_snapshot([socket for socket, _ in batch])
                error = None
            except Exception as failure:
                error = failure
            for _, joined in batch:
                if not joined.done():
                    joined.set_exception(error) if error else joined.set_result(None)

    async def _next_batch(self) -> list[Joining]:
        """Sockets that wait, when the groups of their topics are joined. Those that come meanwhile are among them."""
        subscribed: set[str] = set()
        while new := {topic for socket, _ in self.joining[:JOINED_TOGETHER] for topic in socket.topics} - subscribed:
            await self._subscribe(new)
            subscribed |= new
        batch, self.joining = self.joining[:JOINED_TOGETHER], self.joining[JOINED_TOGETHER:]
        return batch

    async def _send_snapshot(self, sockets: list[Socket]) -> None:
        """Queries only what is not known yet, and the personal states of these visitors."""
        watched = {topic for socket in sockets for topic in socket.topics}
        visitors = [socket.visitor for socket in sockets if socket.visitor]
        events = await read(topics.states, sorted(watched - self.state.known), visitors, sorted(watched))
        # Only topics that stayed watched: of the others a broadcast may have been missed, so the state may be stale.
        self.state.known.update(*(socket.topics for socket in sockets if socket in self.sockets.get(socket.topics, ())))
        self.take(events)
        personal = defaultdict(list)
        for event in events:
            personal[event.topic].append(event.name)
        # As tasks, if `take` has woken the tick: it runs first, and both updates share a frame.
        run = asyncio.create_task if self.state.changed else start
        for socket, states, made in self._snapshots(sockets, personal):
            socket.offer(states, made, run=run)
        self._drop_ended_topics(sockets, {topic for topic in watched if self.state.has_ended(topic)})

    def _snapshots(self, sockets: Iterable[Socket], personal: Mapping[str, list[str]]) -> Iterator[Frame]:
        """The first frame of each socket; those that watch the same topics and have nothing personal share it."""
        shared: dict[TopicSet, tuple[dict[str, str], Message]] = {}
        for socket in sockets:
            if socket.topics not in shared:
                public = {name: s for topic in socket.topics for name, s in self.state.states(topic).items()}
                shared[socket.topics] = public, message(public)
            public, made = shared[socket.topics]
            extra = [self.state.states(topic, personal[topic]) for each in socket.topic_sets[1:] for topic in each]
            private = {name: s for states in extra for name, s in states.items()}
            yield (socket, {**public, **private}, None) if private else (socket, public, made)

    def _drop_ended_topics(self, sockets: list[Socket], ended: set[str]) -> None:
        """Topics that do not exist are not kept: each socket may name 250, and would cost that much memory."""
        for socket in sockets:
            before = socket.topics
            if not ended.isdisjoint(before) and socket in self.sockets.get(before, ()):
                socket.watch(tuple(topic for topic in before if topic not in ended))
                self._watch(socket, socket.topics)  # first, or the state of the others would be dropped, too
                self._unwatch(socket, before)

    def take(self, events: Iterable[Event]) -> None:
        """Keeps what is new and wakes the tick."""
        self.state.take(events)
        if self.state.changed:
            self.wake.set()
            if self.resting:
                for socket, states, made in self._frames(self.state.personal_changes()):
                    socket.offer(states, made)

    async def _receive(self, received: Message) -> None:
        self.take(Event(*event) for event in received["events"])
        if received.get("close"):
            self._close(self._everybody(), TRY_LATER)

    def _groups(self, server: str) -> Callable[[], set[str]]:
        """A function that returns the groups of this server that pages need now."""

        def needed() -> set[str]:
            return {group.name for group in map(group_of, self.state.public_topics()) if group.server == server}

        return needed

    async def _subscribe(self, watched: Iterable[str]) -> None:
        groups = {group_of(topic) for topic in watched}
        needed = {each: [name for server, name in groups if server == each.server] for each in self.subscriptions}
        await asyncio.gather(*(each.join(names) for each, names in needed.items() if each.lacks(names)))

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self.wake.wait()
            self.wake.clear()
            started = loop.time()
            try:
                await self._send([*self._frames(self.state.changes())])
            except Exception:
                log.exception("a tick failed; the next one continues")
            self.resting = True
            await asyncio.sleep(min(max(SHORTEST_REST, REST_FACTOR * (loop.time() - started)), LONGEST_REST))
            self.resting = False

    async def _send(self, frames: Iterable[Frame]) -> None:
        """Yields to the event loop every 100 frames, so that clicks are answered meanwhile."""
        for number, (socket, states, made) in enumerate(frames, 1):
            socket.offer(states, made)
            if number % FRAMES_BEFORE_YIELD == 0:
                await asyncio.sleep(0)

    def _frames(self, changes: Changes) -> Iterator[Frame]:
        """One frame for each socket that watches any of this; sockets that watch the same topics share it."""
        states = self.state.by_topic_set(changes)
        personal_sets = {topic_set: states.pop(topic_set) for topic_set in [*states] if ":" in topic_set[0]}
        personal = {socket: new for topic_set, new in personal_sets.items() for socket in self.sockets[topic_set]}
        for topic_set, new in states.items():
            made = message(new)
            for socket in self.sockets[topic_set]:
                extra = personal.pop(socket, None)
                yield (socket, new | extra, None) if extra else (socket, new, made)
        for socket, extra in personal.items():
            yield socket, extra, None

    async def _resync(self) -> None:
        for number in count(1):
            await asyncio.sleep(RESYNC * random.uniform(0.8, 1.2))
            if number % HEARTBEAT_EVERY == 0:
                await self._send((socket, NOTHING, HEARTBEAT) for socket in self._everybody())
            self._close((each for each in self._everybody() if each.expires_at <= time.monotonic()), EXPIRED)
            try:
                await self._close_ended_sessions()
                await asyncio.gather(*(each.align() for each in self.subscriptions))
                watched = [*self.state.public_topics().items()]
                for start in range(0, len(watched), CHUNK):
                    self.take(await read(topics.newer, dict(watched[start : start + CHUNK])))
            except Exception as error:
                log.warning("the hub could not read the database: %r", error)

    async def _poll(self) -> None:
        """Takes the state of topics again that change without a broadcast."""
        while True:
            await asyncio.sleep(POLL_EVERY)
            self.take(topics.snapshot(topic for topic in topics.polled if topic in self.state.watchers))

    def _everybody(self) -> set[Socket]:
        return {socket for sockets in self.sockets.values() for socket in sockets}

    def _close(self, sockets: Iterable[Socket], code: int, reason: str = "Connect again.") -> None:
        """Waits for no client: one that has gone without a word takes its server many seconds."""
        for socket in sockets:
            self.leave(socket)
            closing = asyncio.create_task(socket.close(code, reason))
            self.closing.add(closing)
            closing.add_done_callback(self.closing.discard)

    async def _close_ended_sessions(self) -> None:
        """Closes the sockets of accounts that have signed out, changed their password, or lost or gained a right since
        they connected. Their pages then connect with what they may watch now."""
        signed_in = {socket for socket in self._everybody() if socket.session}
        if signed_in:
            await read(sessions.load, {socket.session for socket in signed_in})
        for socket in signed_in:
            if sessions.account(socket.session) != socket.account:
                self._close([socket], FORBIDDEN, "Your session has changed.")


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop, which is that of the process."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


def seconds_without_broadcast() -> float:
    """How long ago a broadcast came round in this process. 0 if no page has been open yet."""
    return max((time.monotonic() - each.heard_at for hub in [*_hubs.values()] for each in hub.subscriptions), default=0)
