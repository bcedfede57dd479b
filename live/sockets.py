"""A page's end of the live connection: what it watches, and what it has still to be told."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from types import coroutine
from typing import Any

from live import topics

Page = tuple[str, ...]  # topics that are watched together
Message = dict[str, Any]  # as ASGI has it
Send = Callable[[Message], Awaitable[None]]
Run = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None] | None"]
NOTHING: Mapping[str, str] = {}
TEXT = 0x81  # the first byte of a frame: text, and all of it
log = logging.getLogger(__name__)


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Runs it at once, as far as it goes without waiting: most sends never wait, and a task costs more than they do.
    A task is returned only for the rest, if there is one. From Python 3.12 on, `asyncio.Task` can do this itself."""
    try:
        waits_for = work.send(None)
    except StopIteration:
        return None
    return asyncio.ensure_future(_rest(waits_for, work))


@coroutine
def _rest(waits_for: Any, work: Coroutine[Any, Any, None]) -> Generator[Any, Any, None]:
    yield waits_for
    yield from work


def message(states: Mapping[str, str]) -> Message:
    """What tells a page of these states. ``frame`` is for servers that can send it as it is; others make their own."""
    text = topics.frame(states)
    return {"type": "websocket.send", "text": text, "frame": wire(text.encode())}


def wire(payload: bytes) -> bytes:
    """A whole text frame from a server (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", TEXT, size) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", TEXT, 126, size) + payload
    return struct.pack("!BBQ", TEXT, 127, size) + payload


class Socket:
    """A slow one gets fewer frames with newer state, and holds up nobody else."""

    __slots__ = ("asked", "message", "pages", "pending", "send", "sending", "visitor")

    def __init__(self, send: Send, asked: Page, visitor: str | None = None) -> None:
        self.send, self.asked, self.visitor = send, asked, visitor
        self.pages: tuple[Page, ...] = (asked, (topics.personal(visitor),)) if visitor else (asked,)
        self.pending: Mapping[str, str] = NOTHING
        self.message: Message | None = None
        self.sending: asyncio.Task[None] | None = None

    def offer(self, states: Mapping[str, str], made: Message | None = None, *, run: Run = start) -> None:
        """``made`` is the message of these states, where the caller has it already."""
        if self.sending:
            self.pending, self.message = {**self.pending, **states}, None
        else:
            self.pending, self.message = states, made
            self.sending = run(self._drain())

    async def _drain(self) -> None:
        try:
            await self._next()
            while self.pending:
                await self._next()
        except Exception as error:  # the page has gone; its disconnect follows
            log.debug("send failed: %r", error)
        finally:
            self.sending = None

    async def _next(self) -> None:
        made = self.message or message(self.pending)
        self.pending, self.message = NOTHING, None
        await self.send(made)
