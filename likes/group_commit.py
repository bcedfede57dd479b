"""Group commit: clicks that arrive while a transaction is running share the next one."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from threading import Event, Thread

from django.db import connection

from likes import http, tasks
from likes.http import Refusal
from likes.services import Click, set_likes

log = logging.getLogger(__name__)


class GroupCommit:
    """One thread with one connection stores all waiting clicks in one transaction, then the next ones. Another thread
    enqueues settling, so that no click waits if Redis hangs."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="clicks")
        self.waiting: list[tuple[Click, asyncio.Future[set[int] | None]]] = []
        self.draining: asyncio.Task[None] | None = None
        self.stored = Event()
        self.stored.set()  # for likes that an earlier run left pending, and to connect before the first click
        Thread(target=self._enqueue, name="enqueue", daemon=True).start()

    async def store(self, click: Click) -> None:
        """Returns once the click is committed. Raises `Refusal` if the post is gone or the database fails."""
        committed = asyncio.get_running_loop().create_future()
        self.waiting.append((click, committed))
        if self.draining is None or self.draining.done():
            self.draining = asyncio.create_task(self._drain())
        posts = await committed
        if posts is None:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, http.TRY_AGAIN, wait=2)
        if click.post_id not in posts:
            raise Refusal(HTTPStatus.NOT_FOUND, http.NO_SUCH_POST)

    async def _drain(self) -> None:
        """Gives each waiting click the ids of the posts that exist; None if the database failed."""
        loop = asyncio.get_running_loop()
        while self.waiting:
            batch, self.waiting = self.waiting, []
            try:
                posts = await loop.run_in_executor(self.thread, self._commit, [click for click, _ in batch])
            except Exception as error:
                log.error("%d clicks could not be stored: %r", len(batch), error)
                posts = None
            for _, committed in batch:
                if not committed.cancelled():  # the browser has gone; its click is stored nevertheless
                    committed.set_result(posts)

    def _commit(self, batch: list[Click]) -> set[int]:
        try:
            posts = set_likes(clicks=batch)
        except Exception:
            connection.close()  # it may be the cause; the next batch opens a new one
            raise
        self.stored.set()
        return posts

    def _enqueue(self) -> None:
        while self.stored.wait():
            self.stored.clear()  # first, so that a click from now on enqueues again
            tasks.enqueue_settling()
