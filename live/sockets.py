"""One open websocket: what it watches, and what has not been sent yet."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import struct
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from contextlib import suppress
from types import coroutine
from typing import Any

from django.conf import settings

from core import sessions
from live import topics

TopicSet = tuple[str, ...]  # the topics that one page watches; pages that watch the same share the object
Message = dict[str, Any]  # of ASGI
Send = Callable[[Message], Awaitable[None]]
Run = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None] | None"]
EXPIRED = 4408  # close code: the socket is old; the page connects again at once, maybe to another process
FORBIDDEN = 4403  # close code: the page may not watch these topics, and must change them
NOTHING: Mapping[str, str] = {}
TEXT = 0x81  # the first byte of a websocket frame: text, in one piece
log = logging.getLogger(__name__)


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Runs a coroutine at once, as far as it goes without waiting; most sends never wait, and a task costs more than
    they do. Returns a task only for the rest. From Python 3.12 on, `asyncio.Task` can do this itself."""
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
    """The ASGI message of these states. Servers that can send a finished frame use ``frame``, others ``text``."""
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


def max_age() -> float:
    """Seconds: a quarter more or less than the setting, so that sockets opened together do not end together."""
    return settings.SOCKET_MAX_AGE * random.uniform(0.75, 1.25) or math.inf


class Socket:
    """A slow one gets fewer frames with newer state, and does not hold up the others."""

    __slots__ = (
        "account", "expires_at", "message", "pending", "send", "sending", "session", "topic_sets", "topics", "visitor",
    )  # fmt: skip

    def __init__(self, send: Send, watched: TopicSet, visitor: str | None = None, session: str = "") -> None:
        """``session`` is the key of the session of a visitor with an account."""
        self.send, self.visitor, self.session = send, visitor, session
        self.account = sessions.account(session) if session else None
        self.expires_at = time.monotonic() + max_age()
        self.watch(watched)
        self.pending: Mapping[str, str] = NOTHING
        self.message: Message | None = None
        self.sending: asyncio.Task[None] | None = None

    def watch(self, watched: TopicSet) -> None:
        self.topics = watched
        personal = (topics.personal_topic(self.visitor),) if self.visitor else ()
        self.topic_sets: tuple[TopicSet, ...] = (watched, personal) if personal else (watched,)

    def offer(self, states: Mapping[str, str], made: Message | None = None, *, run: Run = start) -> None:
        """Sends these states, or adds them to what is sent next. ``made`` is their message, if there is one already."""
        if self.sending:
            self.pending, self.message = {**self.pending, **states}, None
        else:
            self.pending, self.message = states, made
            self.sending = run(self._drain())

    async def close(self, code: int, reason: str) -> None:
        with suppress(Exception):  # it has gone already
            await self.send({"type": "websocket.close", "code": code, "reason": reason})

    async def _drain(self) -> None:
        try:
            while True:
                made = self.message or message(self.pending)
                self.pending, self.message = NOTHING, None
                await self.send(made)
                if not self.pending:
                    break
        except Exception as error:  # the client has gone; its disconnect follows
            log.debug("send failed: %r", error)
        finally:
            self.sending = None
