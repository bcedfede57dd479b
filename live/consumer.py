"""The websocket of a page: ``/live/?topic=post.1&topic=feed``. It is read-only and knows no app.

A plain ASGI application, because it keeps kilobytes less for each open socket than Channels' consumer class.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import DatabaseError

from core import sessions, visitors
from core.same_origin import decode_headers, is_known_host, same_origin
from live import caps, topics
from live.database import read
from live.hub import hub
from live.sockets import FORBIDDEN, Send, Socket

PATH = "/live/"
NORMAL, MALFORMED = 1000, 4400  # close codes; with the last one the page must change its topics
Receive = Callable[[], Awaitable[dict[str, Any]]]
log = logging.getLogger(__name__)


async def live(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await receive()  # websocket.connect
    if not is_allowed(scope):
        return await send({"type": "websocket.close"})  # before accept: the handshake is refused with 403
    await send({"type": "websocket.accept"})
    query = scope["query_string"].decode("latin-1")
    headers, address = decode_headers(scope.pop("headers")), (scope.get("client") or [""])[0]
    if unknown := visitors.unknown_session(headers):
        await read(sessions.load, [unknown])
    visitor = visitors.read_headers(headers)
    session = sessions.session_key(headers) if visitor and visitor.startswith("u") else ""
    del headers  # kept for as long as the socket is open, it would be most of its memory
    if not caps.opened(address, visitor):
        return await send({"type": "websocket.close", "code": caps.TRY_LATER, "reason": caps.TOO_MANY})
    try:
        code, reason = await watch(query, visitor, session, receive, send)
    finally:
        caps.closed(address, visitor)
    if code:
        log.info("socket closed: %s", reason)
        await send({"type": "websocket.close", "code": code, "reason": reason})


def is_allowed(scope: dict[str, Any]) -> bool:
    headers = decode_headers(scope["headers"])
    return scope["path"] == PATH and is_known_host(headers.get("host", "")) and same_origin(headers)


async def watch(query: str, visitor: str | None, session: str, receive: Receive, send: Send) -> tuple[int, str]:
    """Serves the socket until the client leaves. Returns the close code (0 if the client closed it) and the reason."""
    try:
        watched = topics.parse(query)
        if topics.needs_permission(watched):
            await read(topics.permit, visitor, watched)
        return await serve(Socket(send, watched, visitor, session), receive)
    except topics.Refused as error:
        return FORBIDDEN, str(error)
    except topics.BadTopics as error:
        return MALFORMED, str(error)
    except DatabaseError as error:
        log.warning("could not read the snapshot of a page: %r", error)
        return NORMAL, "Temporarily unavailable."


async def serve(socket: Socket, receive: Receive) -> tuple[int, str]:
    try:
        await hub().join(socket)
        message = await receive()
    finally:
        hub().leave(socket)
    return (MALFORMED, "This socket is read-only.") if message["type"] == "websocket.receive" else (0, "")
