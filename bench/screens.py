"""Websocket clients, each of which keeps what the screen of its visitor would show."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from time import perf_counter

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.system import Frame, System, Visitor

AT_ONCE = 40  # handshakes
MEMORY = 20_000  # payloads that are parsed once


class Screen(WSListener):
    def __init__(self, screens: Screens, visitor: Visitor) -> None:
        self.screens, self.visitor = screens, visitor
        self.shown: dict[int, int] = {}  # post: the count on the screen
        self.versions: dict[int, int] = {}
        self.since: dict[int, float] = {}  # post: when it came to show that
        self.trace: dict[int, list[tuple[float, int]]] = defaultdict(list)
        self.messages = self.bytes = 0
        self.closed = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        if self.screens.system.hello:
            transport.send(WSMsgType.TEXT, self.screens.system.hello)
        if self.screens.system.ready_at_once:
            self.ready.set_result(None)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.closed = True
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("the server closed the socket"))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
        if frame.msg_type != WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        said = self.screens.read(payload)
        if said.reply:
            transport.send(WSMsgType.TEXT, said.reply)
        if said.ready and not self.ready.done():
            self.ready.set_result(None)
        if said.counts or said.done:
            self.messages += 1
            self.bytes += len(payload)
            self.show(said, perf_counter())

    def show(self, said: Frame, now: float) -> None:
        for post, count, version in said.counts:
            if version < self.versions.get(post, 0):  # an answer that a frame has overtaken
                continue
            self.versions[post] = version
            if self.shown.get(post) != count:
                self.shown[post], self.since[post] = count, now
                self.trace[post].append((now, count))
        for visitor, post in said.done:
            if visitor in (None, self.visitor.key):
                self.screens.complete(self.visitor.key, post, now)
        self.screens.last = now
        if self.screens.changed:
            self.screens.changed(self, now)


class Screens:
    def __init__(self, system: System, posts: list[int]) -> None:
        self.system, self.url = system, system.socket_url(posts)
        self.memory: dict[bytes, Frame] = {}
        self.all: list[Screen] = []
        self.pending: dict[tuple[str, int], float] = {}  # (visitor, post): when it was clicked
        self.completed: list[float] = []  # seconds from click to completion
        self.changed: Callable[[Screen, float], None] | None = None
        self.last = 0.0  # when a screen last heard something

    async def open(self, visitors: list[Visitor]) -> list[Screen]:
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(visitor: Visitor) -> Screen:
            async with turn:
                return await self._open(visitor)

        opened = await asyncio.gather(*map(one, visitors))
        self.all += opened
        return opened

    async def _open(self, visitor: Visitor) -> Screen:
        screen = Screen(self, visitor)
        await ws_connect(
            lambda: screen,
            self.url,
            extra_headers=visitor.headers,
            websocket_handshake_timeout=30,
            read_buffer_init_size=2048,
        )
        await asyncio.wait_for(screen.ready, 30)
        return screen

    def read(self, payload: bytes) -> Frame:
        said = self.memory.get(payload)
        if said is None:
            if len(self.memory) > MEMORY:
                self.memory.clear()
            said = self.memory[payload] = self.system.parse(payload)
        return said

    def complete(self, visitor: str, post: int, now: float) -> None:
        clicked = self.pending.pop((visitor, post), None)
        if clicked is not None:
            self.completed.append(now - clicked)

    async def quiet(self, seconds: float, *, most: float = 120) -> None:
        """Waits until no screen has heard anything for so many seconds."""
        started = perf_counter()
        while perf_counter() - max(self.last, started) < seconds and perf_counter() - started < most:
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        for screen in self.all:
            screen.transport.disconnect()
        await asyncio.sleep(0.3)
