"""The websocket of a page: ``/live/?topic=post.1&topic=feed``. It is read-only and knows no app.

A plain ASGI application, because it keeps kilobytes less for each open socket than Channels' consumer class.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

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


class Client(NamedTuple):
    query: str  # the topics
    visitor: str | None
    session: str = ""  # the key of the session of a visitor with an account


Identify = Callable[[dict[str, Any]], Awaitable["Client | None"]]


async def live(scope: dict[str, Any], receive: Receive, send: Send, *, identify: Identify | None = None) -> None:
    await receive()  # websocket.connect
    client = await (identify or identify_visitor)(scope)
    if client is None:
        return await send({"type": "websocket.close"})  # before accept: the handshake is refused with 403
    await send({"type": "websocket.accept"})
    scope.pop("headers", None)  # kept for as long as the socket is open, they would be most of its memory
    address = (scope.get("client") or [""])[0]
    if not caps.opened(address, client.visitor):
        return await send({"type": "websocket.close", "code": caps.TRY_LATER, "reason": caps.TOO_MANY})
    try:
        code, reason = await watch(client, receive, send)
    finally:
        caps.closed(address, client.visitor)
    if code:
        log.info("socket closed: %s", reason)
        await send({"type": "websocket.close", "code": code, "reason": reason})


async def identify_visitor(scope: dict[str, Any]) -> Client | None:
    """Who connects from a page of ours: None if it is a page of another site."""
    headers = decode_headers(scope["headers"])
    if scope["path"] != PATH or not is_known_host(headers.get("host", "")) or not same_origin(headers):
        return None
    if unknown := visitors.unknown_session(headers):
        await read(sessions.load, [unknown])
    visitor = visitors.read_headers(headers)
    session = sessions.session_key(headers) if visitor and visitor.startswith("u") else ""
    return Client(scope["query_string"].decode("latin-1"), visitor, session)


async def watch(client: Client, receive: Receive, send: Send) -> tuple[int, str]:
    """Serves the socket until the client leaves. Returns the close code (0 if the client closed it) and the reason."""
    try:
        watched = topics.parse(client.query)
        if topics.needs_permission(watched):
            await read(topics.permit, client.visitor, watched)
        return await serve(Socket(send, watched, client.visitor, client.session), receive)
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
