"""The socket of a page: ``/live/?topic=post.1&topic=feed``. It is read-only and knows no app."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError
from django.http import parse_cookie

from notifications import topics, visitors
from notifications.hub import Socket, hub
from notifications.origin import decode, known_host, same_origin
from notifications.reader import read

MALFORMED, FORBIDDEN = 4400, 4403  # final: the page does not come back with the same question
WAIT = 1.0  # seconds for a hub that is still subscribing; without Redis the page gets its snapshot all the same
log = logging.getLogger(__name__)


class LiveConsumer(AsyncWebsocketConsumer):
    channel_layer_alias = "none"  # the hub reads the layer once for all sockets
    socket: Socket | None = None
    topics: list[str]

    async def connect(self) -> None:
        headers = decode(self.scope["headers"])
        if not known_host(headers) or not same_origin(headers):
            return await self.close()  # before accept: the handshake is refused with 403
        await self.accept()
        visitor = visitors.read(parse_cookie(headers.get("cookie", "")).get(visitors.COOKIE))
        try:
            asked = topics.asked(self.scope["query_string"].decode("latin-1"))
            await self._watch(visitor, asked)
        except topics.Refused as error:
            await self._refuse(FORBIDDEN, str(error))
        except topics.BadTopics as error:
            await self._refuse(MALFORMED, str(error))
        except DatabaseError as error:
            log.warning("a page could not be told the state: %r", error)
            await self.close()  # it comes back by itself

    async def dispatch(self, message: dict[str, Any]) -> None:
        """As Channels has it, without its trip to a thread that closes old connections: `read` keeps its own."""
        await getattr(self, get_handler_name(message))(message)

    async def _watch(self, visitor: str | None, asked: list[str]) -> None:
        """Subscribes first and reads the state second, so that nothing falls between the two."""
        if topics.guarded(asked):
            await read(topics.permit, visitor, asked)
        self.socket = Socket(self.send)
        self.topics = [*asked, topics.personal(visitor)] if visitor else asked
        hub().join(self.socket, self.topics)
        try:
            await asyncio.wait_for(hub().subscribed.wait(), WAIT)
        except TimeoutError:
            log.warning("live without Redis: pages refresh every few seconds")
        self.socket.offer(hub().take(await read(topics.snapshot, visitor, asked)))

    async def disconnect(self, code: int) -> None:
        if self.socket:
            hub().leave(self.socket, self.topics)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self._refuse(MALFORMED, "This socket only speaks.")

    async def _refuse(self, code: int, reason: str) -> None:
        log.info("socket closed: %s", reason)
        await self.close(code, reason)


class NoSuchSocket(AsyncWebsocketConsumer):
    channel_layer_alias = "none"

    async def connect(self) -> None:
        await self.close()
