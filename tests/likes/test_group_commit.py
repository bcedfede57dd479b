"""Clicks that arrive together share a transaction and a task; a database that fails or hangs refuses them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Semaphore
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from likes import group_commit, tasks
from likes.asgi import LikeEndpoint
from likes.group_commit import GroupCommit
from likes.models import Like, Post
from likes.services import Click, Versions, set_likes
from likes.settling import Settled, settle
from project.asgi import application
from project.sqlite import base
from tests.likes.clicks import click, rows
from tests.live import until

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


@pytest.fixture
def earlier_threads() -> set[threading.Thread]:
    """Those of earlier tests, which may still be enqueuing."""
    return set(threading.enumerate())


async def test_clicks_that_arrive_during_a_transaction_share_the_next(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    app = LikeEndpoint(application)

    def counted(clicks: list[Click]) -> Versions:
        batches.append(len(clicks))
        until(lambda: sum(batches) + len(app.group_commit.waiting) == 40, "the other clicks do not arrive")
        return set_likes(clicks=clicks)

    monkeypatch.setattr(group_commit, "set_likes", counted)
    responses = await asyncio.gather(*(click(post.pk, key=f"v{n}", app=app) for n in range(40)))
    assert {response.status for response in responses} == {303}
    assert sum(batches) == 40 and len(batches) <= 2
    assert len(await rows()) == 40


async def test_after_a_commit_of_several_clicks_others_gather_and_one_that_comes_alone_does_not_wait(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, batches, gathered = LikeEndpoint(application), [], asyncio.Event()

    def counted(clicks: list[Click]) -> Versions:
        batches.append(len(clicks))
        return set_likes(clicks=clicks)

    async def gathering(seconds: float) -> None:
        await gathered.wait()

    monkeypatch.setattr(group_commit, "set_likes", counted)
    monkeypatch.setattr(group_commit, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": gathering}))
    for number in (1, 2):
        await click(post.pk, key=f"v{number}", app=app)
    clicks = [Click(post.pk, f"v{number}", True, timezone.now()) for number in (3, 4, 5, 6)]
    await asyncio.gather(*map(app.group_commit.store, clicks[:2]))
    later = [asyncio.create_task(app.group_commit.store(each)) for each in clicks[2:]]
    assert len(await rows()) == 4
    assert batches == [1, 1, 2] and len(app.group_commit.waiting) == 2
    gathered.set()
    await asyncio.gather(*later)
    assert batches == [1, 1, 2, 2]


async def test_a_click_that_is_stored_during_enqueueing_enqueues_again(
    post: Post, monkeypatch: pytest.MonkeyPatch, earlier_threads: set[threading.Thread]
) -> None:
    app, started, finish, calls = LikeEndpoint(application), Semaphore(0), Semaphore(0), []

    def slow() -> None:
        if threading.current_thread() in earlier_threads:
            return
        calls.append(1)
        started.release()
        assert finish.acquire(timeout=60)

    monkeypatch.setattr(tasks, "enqueue_settling", slow)
    await click(post.pk, key="v1", app=app)
    assert await asyncio.to_thread(started.acquire, timeout=60)
    await click(post.pk, key="v2", app=app)
    finish.release(3)
    assert await asyncio.to_thread(started.acquire, timeout=60), "its row would wait for beat"
    await click(post.pk, key="v3", app=app)
    assert await asyncio.to_thread(started.acquire, timeout=60)
    assert len(calls) == 3, "once for each click, never without one"


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="on SQLite it is enqueued during the commit")
async def test_settling_is_enqueued_after_the_commit(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    app, found = LikeEndpoint(application), []
    monkeypatch.setattr(app.group_commit.stored, "set", lambda: found.append(in_another_thread(Like.objects.count)))
    await click(post.pk, key="v1", app=app)
    assert found == [1]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="on PostgreSQL it is enqueued after the commit")
def test_a_task_that_starts_before_the_commit_waits_for_it_and_settles_the_click(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, waits = GroupCommit(), Event()
    monkeypatch.setattr(base, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: waits.set()))
    with ThreadPoolExecutor(1) as worker:
        jobs: list[Future[Settled]] = []

        def enqueued() -> None:
            jobs.append(worker.submit(closing, settle))
            assert waits.wait(60) and not jobs[0].done(), "the task has the write lock"

        monkeypatch.setattr(commit.stored, "set", enqueued)
        assert commit._commit([Click(post.pk, "v1", True, timezone.now())]) == {("v1", post.pk): 1}
        assert [like.visitor for like in jobs[0].result(60).likes] == ["v1"]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the write lock of SQLite")
def test_clicks_gather_for_as_long_as_the_commit_took_without_its_wait_for_the_write_lock(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, waits, now = GroupCommit(), Event(), 0.0
    monkeypatch.setattr(group_commit, "monotonic", lambda: now)
    monkeypatch.setattr(base, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: waits.set()))

    def committing(clicks: list[Click]) -> Versions:
        nonlocal now
        now += 0.002
        return set_likes(clicks=clicks)

    monkeypatch.setattr(group_commit, "set_likes", committing)
    with ThreadPoolExecutor(1) as web:
        with transaction.atomic():  # has the write lock
            clicks = [Click(post.pk, visitor, True, timezone.now()) for visitor in ("v1", "v2")]
            storing = web.submit(closing, lambda: commit._commit(clicks))
            assert waits.wait(60)
            now += 5
        assert storing.result(60) == {("v1", post.pk): 1, ("v2", post.pk): 1}
    assert commit.took == pytest.approx(0.002)


def closing(work: Callable[[], T]) -> T:
    """Does the work and closes the connection of this thread."""
    try:
        return work()
    finally:
        connection.close()


def in_another_thread(work: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(closing, work).result(60)


async def test_a_database_that_fails_is_503_and_the_next_click_is_stored(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> set[int]:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(group_commit, "set_likes", broken)
        response = await click(post.pk, key="v1")
        assert response.status == 503 and response.headers["retry-after"]
        assert "locked" not in response.text
    assert (await click(post.pk, key="v1")).status == 303


async def test_a_database_that_hangs_refuses_clicks_and_the_order_of_clicks_stays(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, go_on = LikeEndpoint(application), Event()

    def hanging(clicks: list[Click]) -> Versions:
        assert go_on.wait(60)
        return set_likes(clicks=clicks)

    monkeypatch.setattr(group_commit, "set_likes", hanging)
    monkeypatch.setattr(group_commit, "DEADLINE", 0.1)
    refused = await asyncio.gather(*(click(post.pk, key=f"v{n}", app=app) for n in (1, 2)))
    assert [(response.status, response.headers["retry-after"]) for response in refused] == [(503, "2")] * 2
    assert (await click(post.pk, key="v3", app=app)).status == 503, "the thread still hangs"
    monkeypatch.setattr(group_commit, "DEADLINE", 60)
    go_on.set()
    while len(await rows()) < 2:  # the refused clicks are stored, before all later ones
        await asyncio.sleep(0.01)
    assert (await click(post.pk, body="liked=0", key="v1", app=app)).status == 303
    assert {row.visitor: row.wanted for row in await rows()}["v1"] is False, "the later click is the last"


def test_commits_share_a_task_while_enqueuing_rests(
    monkeypatch: pytest.MonkeyPatch, earlier_threads: set[threading.Thread]
) -> None:
    enqueued, resting, rested = Semaphore(0), Semaphore(0), Semaphore(0)

    def enqueue() -> None:
        if threading.current_thread() not in earlier_threads:
            enqueued.release()

    def rest(seconds: float) -> None:
        if threading.current_thread() not in earlier_threads:
            resting.release()
            rested.acquire()

    monkeypatch.setattr(tasks, "enqueue_settling", enqueue)
    monkeypatch.setattr(group_commit, "sleep", rest)
    stored = GroupCommit().stored  # which enqueues what an earlier run has left
    assert enqueued.acquire(timeout=60) and resting.acquire(timeout=60)
    for _ in range(5):
        stored.set()
    assert not enqueued.acquire(blocking=False)
    rested.release()
    assert resting.acquire(timeout=60), "it rests once more, because clicks keep coming"
    assert not enqueued.acquire(blocking=False)
    rested.release()
    assert enqueued.acquire(timeout=60) and resting.acquire(timeout=60)
    rested.release()
    stored.set()
    rested.release()  # if the commit came before the end of the rest
    assert enqueued.acquire(timeout=60), "a commit after that is enqueued, too"
    assert resting.acquire(timeout=60) and not enqueued.acquire(blocking=False), "one task for the five"
    rested.release()
