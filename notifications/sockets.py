"""A page's end of the live connection: what it watches, and what it has still to be told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from types import coroutine
from typing import Any

from notifications import topics

Page = tuple[str, ...]  # topics that are watched together
Send = Callable[[dict[str, Any]], Awaitable[None]]
Run = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None] | None"]
NOTHING: Mapping[str, str] = {}
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


class Socket:
    """A slow one gets fewer frames with newer state, and holds up nobody else."""

    __slots__ = ("asked", "pages", "pending", "send", "sending", "text", "visitor")

    def __init__(self, send: Send, asked: Page, visitor: str | None = None) -> None:
        self.send, self.asked, self.visitor = send, asked, visitor
        self.pages: tuple[Page, ...] = (asked, (topics.personal(visitor),)) if visitor else (asked,)
        self.pending: Mapping[str, str] = NOTHING
        self.text = ""
        self.sending: asyncio.Task[None] | None = None

    def offer(self, states: Mapping[str, str], text: str = "", *, run: Run = start) -> None:
        """``text`` is the frame of these states, where the caller has it already."""
        if self.sending:
            self.pending, self.text = {**self.pending, **states}, ""
        else:
            self.pending, self.text = states, text
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
        text = self.text or topics.frame(self.pending)
        self.pending, self.text = NOTHING, ""
        await self.send({"type": "websocket.send", "text": text})
