"""Websocket clients. Each has the state that the screen of its visitor would show."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from time import perf_counter

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.system import Frame, System, Visitor

MAX_HANDSHAKES = 40  # at the same time
MAX_CACHED = 20_000  # parsed payloads


class Screen(WSListener):
    def __init__(self, screens: Screens, visitor: Visitor) -> None:
        self.screens, self.visitor = screens, visitor
        self.shown: dict[int, int] = {}  # post: the count on the screen
        self.versions: dict[int, int] = {}
        self.since: dict[int, float] = {}  # post: when this count was first shown
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
        content = self.screens.read(payload)
        if content.reply:
            transport.send(WSMsgType.TEXT, content.reply)
        if content.ready and not self.ready.done():
            self.ready.set_result(None)
        if content.counts or content.done:
            self.messages += 1
            self.bytes += len(payload)
            self.show(content, perf_counter())

    def show(self, content: Frame, now: float) -> None:
        for post, count, version in content.counts:
            if version < self.versions.get(post, 0):  # older than a frame that came earlier
                continue
            self.versions[post] = version
            if self.shown.get(post) != count:
                self.shown[post], self.since[post] = count, now
                self.trace[post].append((now, count))
        for visitor, post in content.done:
            if visitor in (None, self.visitor.key):
                self.screens.complete(self.visitor.key, post, now)
        self.screens.last = now
        if self.screens.changed:
            self.screens.changed(self, now)


class Screens:
    def __init__(self, system: System, posts: list[int]) -> None:
        self.system, self.url = system, system.socket_url(posts)
        self.cache: dict[bytes, Frame] = {}
        self.all: list[Screen] = []
        self.pending: dict[tuple[str, int], float] = {}  # (visitor, post): when it was clicked
        self.completed: list[float] = []  # seconds from click to completion
        self.changed: Callable[[Screen, float], None] | None = None
        self.last = 0.0  # when a screen last received something

    async def open(self, visitors: list[Visitor]) -> list[Screen]:
        slots = asyncio.Semaphore(MAX_HANDSHAKES)

        async def one(visitor: Visitor) -> Screen:
            async with slots:
                return await self._open(visitor)

        opened = await asyncio.gather(*map(one, visitors))
        self.all += opened
        return opened

    async def _open(self, visitor: Visitor) -> Screen:
        screen = Screen(self, visitor)
        await ws_connect(
            lambda: screen,
            self.url + visitor.query,
            extra_headers=visitor.headers,
            websocket_handshake_timeout=30,
            read_buffer_init_size=2048,
        )
        await asyncio.wait_for(screen.ready, 30)
        return screen

    def read(self, payload: bytes) -> Frame:
        content = self.cache.get(payload)
        if content is None:
            if len(self.cache) > MAX_CACHED:
                self.cache.clear()
            content = self.cache[payload] = self.system.parse(payload)
        return content

    def complete(self, visitor: str, post: int, now: float) -> None:
        clicked = self.pending.pop((visitor, post), None)
        if clicked is not None:
            self.completed.append(now - clicked)

    async def wait_until_quiet(self, seconds: float, *, timeout: float = 120) -> None:
        """Waits until no screen has received anything for so many seconds."""
        started = perf_counter()
        while perf_counter() - max(self.last, started) < seconds and perf_counter() - started < timeout:
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        for screen in self.all:
            screen.transport.disconnect()
        await asyncio.sleep(0.3)
