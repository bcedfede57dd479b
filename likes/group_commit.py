"""Group commit: clicks that arrive while a transaction is running share the next one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Event, Thread
from time import monotonic, sleep
from typing import TypeVar

from django.db import DatabaseError, connection, transaction

from core.database import leave_pool
from likes import http, tasks
from likes.http import NOT_STORED
from likes.services import Click, Versions, set_likes

log = logging.getLogger(__name__)
DEADLINE = 10.0  # seconds that a click waits for its commit
GATHER = 0.005  # seconds, at most, between two commits of several clicks: under load each stores more, which costs less
REST = 0.02  # seconds between two tasks that are enqueued, twice as long under load: each settles more likes
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL, after lock_timeout
T = TypeVar("T")
Waiting = tuple[Click, "asyncio.Future[Versions | None]"]


class GroupCommit:
    """One thread with one connection stores all waiting clicks in one transaction, then the next ones. After a
    transaction of several clicks it waits as long as that took, at most `GATHER`. A click that comes alone does not
    wait for others. Another thread enqueues settling, so that no click waits if Redis hangs. If the database hangs,
    clicks get 503 after `DEADLINE`."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="clicks", initializer=leave_pool)
        self.waiting: list[Waiting] = []
        self.draining: asyncio.Task[None] | None = None
        self.took = 0.0  # seconds of the last transaction, without its wait for SQLite's write lock
        self.stored = Event()
        self.stored.set()  # for likes that an earlier run left pending, and to connect before the first click
        Thread(target=self._enqueue, name="enqueue", daemon=True).start()

    async def store(self, click: Click) -> int:
        """Returns the version of the like once the click is committed. Raises `Refusal` if the post is gone or the
        database fails."""
        committed = asyncio.get_running_loop().create_future()
        self.waiting.append((click, committed))
        if self.draining is None or self.draining.done():
            self.draining = asyncio.create_task(self._drain())
        return http.stored_version(click, await committed)

    async def run(self, write: Callable[..., T], *args: object) -> T:
        """Another write, in the same thread and before the clicks that wait. Raises `Refusal` if the database fails."""
        writing = asyncio.get_running_loop().run_in_executor(self.thread, attempt, write, args)
        try:
            return await asyncio.wait_for(asyncio.shield(writing), DEADLINE)
        except (DatabaseError, TimeoutError) as error:
            log.error("the database does not answer: %r", error)
            raise http.unavailable() from error

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self.waiting:
            batch, self.waiting = self.waiting, []
            committing = loop.run_in_executor(self.thread, self._commit, [click for click, _ in batch])
            while not (await asyncio.wait([committing], timeout=DEADLINE))[0]:
                log.error("%d clicks refused: the database does not answer", len(batch) + len(self.waiting))
                answer([*batch, *self.waiting], None)
                batch, self.waiting = [], []
            answer(batch, committing.result())
            if len(batch) > 1:
                await asyncio.sleep(min(GATHER, self.took))

    def _commit(self, batch: list[Click]) -> Versions | None:
        """The versions of the likes. None if nothing could be stored."""
        try:
            return self._store(batch)
        except Exception as error:
            connection.close()  # it may be the cause; the next batch opens a new one
            if len(batch) > 1 and is_lock_timeout(error):  # somebody holds the row of one of them
                return self._commit_each(batch)
            log.error("%d clicks could not be stored: %r", len(batch), error)
            return None

    def _store(self, batch: list[Click]) -> Versions:
        """Enqueues settling once the clicks are committed. On SQLite earlier, while the commit waits for the disk: the
        worker, which needs the write lock, waits for the end of the commit, too. On PostgreSQL it would not wait."""
        with transaction.atomic() if connection.vendor == "sqlite" else nullcontext():
            started = monotonic()
            versions = set_likes(clicks=batch)
            self.stored.set()
        self.took = monotonic() - started
        return versions

    def _commit_each(self, batch: list[Click]) -> Versions:
        versions: Versions = {}
        for click in batch:
            alone = self._commit([click])
            versions |= {(click.visitor, click.post_id): NOT_STORED} if alone is None else alone
        return versions

    def _enqueue(self) -> None:
        while self.stored.wait():
            self.stored.clear()  # first, so that a click from now on enqueues again
            tasks.enqueue_settling()
            sleep(REST)  # a click that comes after a while is enqueued at once
            if self.stored.is_set():
                sleep(REST)


def attempt(write: Callable[..., T], args: tuple[object, ...]) -> T:
    try:
        return write(*args)
    except DatabaseError:
        connection.close()  # it may be the cause; the next write opens a new one
        raise


def answer(batch: list[Waiting], versions: Versions | None) -> None:
    for _, committed in batch:
        if not committed.done():  # else the browser has gone; its click is stored nevertheless
            committed.set_result(versions)


def is_lock_timeout(error: Exception) -> bool:
    return getattr(error.__cause__, "sqlstate", "") == LOCK_NOT_AVAILABLE
