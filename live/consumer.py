"""The socket of a page: ``/live/?topic=post.1&topic=feed``. It is read-only and knows no app.

A plain ASGI application that keeps little for each page that is open; Channels' consumer class keeps kilobytes more.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import DatabaseError
from django.http import parse_cookie

from core import visitors
from core.same_origin import Headers, decode, known_host, same_origin
from live import caps, topics
from live.database import read
from live.hub import hub
from live.sockets import Send, Socket

PATH = "/live/"
FINE, MALFORMED, FORBIDDEN = 1000, 4400, 4403  # the last two are final: the page does not ask the same again
Receive = Callable[[], Awaitable[dict[str, Any]]]
log = logging.getLogger(__name__)


async def live(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await receive()  # websocket.connect
    if not admitted(scope):
        return await send({"type": "websocket.close"})  # before accept: the handshake is refused with 403
    await send({"type": "websocket.accept"})
    query, visitor = scope["query_string"].decode("latin-1"), visitor_in(decode(scope.pop("headers")))
    with caps.counted((scope.get("client") or [""])[0], visitor) as free:
        code, reason = await watch(query, visitor, receive, send) if free else (caps.TRY_LATER, caps.TOO_MANY)
    if code:
        log.log(logging.INFO if free else logging.DEBUG, "socket closed: %s", reason)
        await send({"type": "websocket.close", "code": code, "reason": reason})


def admitted(scope: dict[str, Any]) -> bool:
    headers = decode(scope["headers"])
    return scope["path"] == PATH and known_host(headers) and same_origin(headers)


def visitor_in(headers: Headers) -> str | None:
    return visitors.read(parse_cookie(headers.get("cookie", "")).get(visitors.COOKIE))


async def watch(query: str, visitor: str | None, receive: Receive, send: Send) -> tuple[int, str]:
    """Until the page leaves. Returns why it is sent away: a code, 0 if it is not, and a sentence."""
    try:
        asked = topics.asked(query)
        if topics.guarded(asked):
            await read(topics.permit, visitor, asked)
        return await show(Socket(send, asked, visitor), receive)
    except topics.Refused as error:
        return FORBIDDEN, str(error)
    except topics.BadTopics as error:
        return MALFORMED, str(error)
    except DatabaseError as error:
        log.warning("a page could not be told the state: %r", error)
        return FINE, "Temporarily unavailable."


async def show(socket: Socket, receive: Receive) -> tuple[int, str]:
    try:
        await hub().join(socket)
        message = await receive()
    finally:
        hub().leave(socket)
    return (MALFORMED, "This socket is read-only.") if message["type"] == "websocket.receive" else (0, "")
