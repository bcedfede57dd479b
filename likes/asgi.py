"""The one hot URL, ``POST /posts/<id>/like/``, in front of Django's request cycle: 0.3 ms instead of 1.5 and more.

A click is answered when its row is committed. Clicks that arrive while a transaction is under way share the next one.
Whatever is not a plain urlencoded form goes on to Django, where a view does the same in the ordinary way.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl

from channels.db import database_sync_to_async
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy

from core import visitors
from core.same_origin import Headers, decode
from likes import http, tasks
from likes.http import Refusal, Reply
from likes.selectors import state_of
from likes.services import Click, set_likes

PATH = re.compile(r"/posts/([0-9]{1,18})/like/")
LARGEST = 1024  # bytes of a body that should be "liked=1"
FORM = "application/x-www-form-urlencoded"
App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
log = logging.getLogger(__name__)


class Door:
    def __init__(self, django: App) -> None:
        self.django = django
        self.writer = Writer()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        match = PATH.fullmatch(scope["path"]) if scope["method"] == "POST" else None
        headers = decode(scope["headers"]) if match else {}
        if not match or not headers.get("content-type", FORM).startswith(FORM):
            return await self.django(scope, receive, send)
        reply = await self.answer(int(match[1]), headers, scope.get("client"), receive)
        head = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
        if reply.newcomer:
            head.append((b"set-cookie", visitors.cookie(reply.newcomer).encode()))
        body = reply.body.encode()
        if reply.status != 204:
            head.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": head})
        await send({"type": "http.response.body", "body": body})

    async def answer(self, post: int, headers: Headers, client: Any, receive: Any) -> Reply:
        visitor = None
        try:
            form = await read_form(receive)
            visitor = http.admit(headers, client[0] if client else "")
            liked = http.wanted(form)
            at = await self.writer.store(Click(post, visitor.key, liked, timezone.now()))
        except Refusal as refusal:
            state = None
            if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
                state = await database_sync_to_async(state_of)(headers, post)
            return http.refused(headers, refusal, state)
        return http.accepted(headers, visitor, post=post, liked=liked, at=at)


class Writer:
    """Group commit: one thread with one connection stores all clicks that wait, and then the next ones."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="clicks")
        self.asker = Asker()
        self.waiting: list[tuple[Click, asyncio.Future[datetime]]] = []
        self.draining: asyncio.Task[None] | None = None

    async def store(self, click: Click) -> datetime:
        """Returns when the click was accepted, once it is committed. Raises `Refusal`."""
        stored = asyncio.get_running_loop().create_future()
        self.waiting.append((click, stored))
        if self.draining is None or self.draining.done():
            self.draining = asyncio.create_task(self._drain())
        return await stored

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self.waiting:
            batch, self.waiting = self.waiting, []
            try:
                posts = await loop.run_in_executor(self.thread, self._commit, [click for click, _ in batch])
            except Exception as error:
                log.error("%d clicks could not be stored: %r", len(batch), error)
                for _, stored in batch:
                    answer(stored, Refusal(HTTPStatus.SERVICE_UNAVAILABLE, http.TRY_AGAIN, wait=2))
                continue
            for click, stored in batch:
                answer(stored, click.at if click.post in posts else Refusal(HTTPStatus.NOT_FOUND, http.NO_SUCH_POST))

    def _commit(self, batch: list[Click]) -> set[int]:
        try:
            posts = set_likes(clicks=batch)
        except Exception:
            connection.close()  # it may be why; the next batch opens a new one
            raise
        self.asker.wanted.set()
        return posts


class Asker:
    """Asks the worker, in a thread of its own: a Redis that hangs keeps nobody's click waiting."""

    def __init__(self) -> None:
        self.wanted = Event()
        self.wanted.set()  # for what an earlier run has left; and the first click finds a warm connection
        Thread(target=self._keep_asking, name="ask", daemon=True).start()

    def _keep_asking(self) -> None:
        while self.wanted.wait():
            self.wanted.clear()  # first, so that a click during the question asks anew
            tasks.ask()


def answer(stored: asyncio.Future[datetime], outcome: datetime | Refusal) -> None:
    if stored.cancelled():  # the browser has gone; the click is stored all the same
        return
    if isinstance(outcome, Refusal):
        stored.set_exception(outcome)
    else:
        stored.set_result(outcome)


async def read_form(receive: Any) -> dict[str, str]:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, gettext_lazy("Request too large."))
        if not message.get("more_body"):
            return dict(parse_qsl(body.decode("latin-1")))
