"""A page's end of the live connection: what it watches, and what it has still to be told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from notifications import topics

Page = tuple[str, ...]  # topics that are watched together
Send = Callable[[dict[str, Any]], Awaitable[None]]
NOTHING: Mapping[str, str] = {}
log = logging.getLogger(__name__)


class Socket:
    """A slow one gets fewer frames with newer state, and holds up nobody else."""

    __slots__ = ("asked", "pages", "pending", "send", "sending", "text", "visitor")

    def __init__(self, send: Send, asked: Page, visitor: str | None = None) -> None:
        self.send, self.asked, self.visitor = send, asked, visitor
        self.pages: tuple[Page, ...] = (asked, (topics.personal(visitor),)) if visitor else (asked,)
        self.pending: Mapping[str, str] = NOTHING
        self.text = ""
        self.sending: asyncio.Task[None] | None = None

    def offer(self, states: Mapping[str, str], text: str = "") -> None:
        """``text`` is the frame of these states, where the caller has it already."""
        if self.sending:
            self.pending, self.text = {**self.pending, **states}, ""
        else:
            self.pending, self.text = states, text
            self.sending = asyncio.create_task(self._drain())

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
