"""Group commit: clicks that arrive while a transaction is running share the next one."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http import HTTPStatus
from threading import Event, Thread

from django.db import connection

from likes import http, tasks
from likes.http import Refusal
from likes.services import Click, set_likes

log = logging.getLogger(__name__)


class GroupCommit:
    """One thread with one connection stores all waiting clicks in one transaction, then the next ones."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="clicks")
        self.enqueuer = Enqueuer()
        self.waiting: list[tuple[Click, asyncio.Future[datetime]]] = []
        self.draining: asyncio.Task[None] | None = None

    async def store(self, click: Click) -> datetime:
        """Returns when the click was accepted, once it is committed. Raises `Refusal` if the post is gone or the
        database fails."""
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
                    _resolve(stored, Refusal(HTTPStatus.SERVICE_UNAVAILABLE, http.TRY_AGAIN, wait=2))
                continue
            for click, stored in batch:
                exists = click.post_id in posts
                _resolve(stored, click.at if exists else Refusal(HTTPStatus.NOT_FOUND, http.NO_SUCH_POST))

    def _commit(self, batch: list[Click]) -> set[int]:
        try:
            posts = set_likes(clicks=batch)
        except Exception:
            connection.close()  # it may be the cause; the next batch opens a new one
            raise
        self.enqueuer.wanted.set()
        return posts


class Enqueuer:
    """Enqueues settling in a thread, so that no click waits if Redis hangs."""

    def __init__(self) -> None:
        self.wanted = Event()
        self.wanted.set()  # for likes that an earlier run left pending, and to connect before the first click
        Thread(target=self._run, name="enqueue", daemon=True).start()

    def _run(self) -> None:
        while self.wanted.wait():
            self.wanted.clear()  # first, so that a click from now on enqueues again
            tasks.enqueue_settling()


def _resolve(stored: asyncio.Future[datetime], outcome: datetime | Refusal) -> None:
    if stored.cancelled():  # the browser has gone; its click is stored nevertheless
        return
    if isinstance(outcome, Refusal):
        stored.set_exception(outcome)
    else:
        stored.set_result(outcome)
