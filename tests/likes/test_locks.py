"""Several connections at once, on PostgreSQL. SQLite has only one writer, so these tests would show nothing there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from likes.group_commit import GroupCommit
from likes.http import Refusal
from likes.models import Like, Post
from likes.recount import recount
from likes.services import Click, adopt_likes, set_likes
from likes.settling import settle
from likes.sql import PendingLike
from notifications.bell import bell_of
from notifications.notify import Entry, notify
from tests.live import until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has only one writer"),
]


def click(post: Post, visitor: str = "v1", liked: bool = True) -> Click:
    return Click(post.pk, visitor, liked, timezone.now())


@pytest.fixture
def other(mina: User) -> Post:
    return Post.objects.create(author=mina, text="Another post")


@contextmanager
def in_another_connection(work: Callable[[], Any]) -> Iterator[None]:
    """Does the work in a transaction of another connection, which ends after the block."""
    done, end = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                work()
                done.set()
                assert end.wait(60)
        finally:
            done.set()
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(run)
        assert done.wait(60)
        try:
            yield
        finally:
            end.set()
        job.result(60)


def lock_post(post: Post) -> Callable[[], object]:
    return lambda: Post.objects.select_for_update().get(pk=post.pk)


def lock_like(post: Post) -> Callable[[], object]:
    return lambda: Like.objects.select_for_update().get(post=post)


def patiently(work: Callable[[], Any]) -> Any:
    """Does the work in a thread of its own, and waits for locks for as long as the test holds them."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")
        return work()
    finally:
        connection.close()


def wait_for_locks(jobs: list[Future[Any]]) -> None:
    """Returns when all of these jobs wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    def all_wait() -> bool:
        assert not any(job.done() for job in jobs), "one did not wait"
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            return bool(cursor.fetchone() == (len(jobs),))

    until(all_wait, "they do not wait for a lock")


def test_likes_of_a_locked_post_wait_and_all_others_are_settled(post: Post, other: Post) -> None:
    set_likes(clicks=[click(post, f"v{n}") for n in range(3)] + [click(other)])
    with in_another_connection(lock_post(post)):
        assert [(settled.pk, settled.like_count) for settled in settle(limit=2).posts] == [(other.pk, 1)]
        assert settle().likes == []
    assert [(settled.pk, settled.like_count) for settled in settle().posts] == [(post.pk, 3)]


def test_two_workers_settle_different_likes(post: Post, jun: User) -> None:
    """Of different authors: those of one author wait for each other at the version of the bell."""
    other = Post.objects.create(author=jun, text="Of another author")
    set_likes(clicks=[click(post)])
    set_likes(clicks=[click(other, "v2")])
    first: list[PendingLike] = []
    with in_another_connection(lambda: first.extend(settle(limit=1).likes)):
        assert [like.post_id for like in first] == [post.pk]
        assert [like.post_id for like in settle().likes] == [other.pk]
    assert {p.pk: p.like_count for p in Post.objects.all()} == {post.pk: 1, other.pk: 1}


def test_a_like_that_is_clicked_meanwhile_waits_and_all_others_are_settled(post: Post, other: Post) -> None:
    set_likes(clicks=[click(post), click(other)])
    with in_another_connection(lambda: set_likes(clicks=[click(post, liked=False)])):
        assert [like.post_id for like in settle().likes] == [other.pk]
    assert [like.wanted for like in settle().likes] == [False]
    assert Post.objects.get(pk=post.pk).like_count == 0


def test_a_worker_adds_to_the_count_that_another_has_just_committed(post: Post) -> None:
    set_likes(clicks=[click(post, "v1")])
    set_likes(clicks=[click(post, "v2")])
    with in_another_connection(lambda: settle(limit=1)):
        assert settle().likes == [], "the post is locked"
    assert settle().posts[0].like_count == 2
    assert Post.objects.get().like_count == 2


def test_two_web_processes_that_store_the_same_likes_do_not_deadlock(post: Post) -> None:
    clicks = [click(post, f"v{n}") for n in range(3)]
    set_likes(clicks=clicks)
    with ThreadPoolExecutor(2) as pool:
        with in_another_connection(lambda: Like.objects.select_for_update().get(visitor="v1")):
            batches = (clicks, clicks[::-1])  # if both began with their first, each would then wait for the other
            jobs = [pool.submit(patiently, partial(set_likes, clicks=batch)) for batch in batches]
            wait_for_locks(jobs)
        for job in jobs:
            job.result(60)
    assert set(Like.objects.values_list("version", flat=True)) == {3}


def test_a_locked_like_refuses_the_click_of_its_visitor_only(post: Post) -> None:
    set_likes(clicks=[click(post, "v1")])
    commit = GroupCommit()

    async def clicks() -> list[Any]:
        batch = [click(post, visitor, liked=False) for visitor in ("v1", "v2", "v3")]
        return await asyncio.gather(*map(commit.store, batch), return_exceptions=True)

    with in_another_connection(lock_like(post)):
        refused, *stored = asyncio.run(clicks())
    commit.thread.submit(lambda: connection.close()).result(60)
    assert isinstance(refused, Refusal) and refused.status == 503
    assert stored == [1, 1]
    assert Like.objects.get(visitor="v1").wanted is True


def test_adopting_waits_for_a_worker_that_settles_the_likes(post: Post) -> None:
    set_likes(clicks=[click(post, "v1")])

    with ThreadPoolExecutor(1) as pool:
        with in_another_connection(lambda: settle()):
            adopting = pool.submit(patiently, lambda: adopt_likes(visitor="v1", account="u1"))
            wait_for_locks([adopting])
        adopting.result(60)
    settle()
    assert Post.objects.get().like_count == Like.objects.get(visitor="u1").counted == 1


def test_a_click_while_the_like_is_adopted_is_not_lost(post: Post) -> None:
    set_likes(clicks=[click(post, "v1")])
    settle()
    with ThreadPoolExecutor(1) as pool:
        with in_another_connection(lambda: set_likes(clicks=[click(post, "v1", liked=False)])):
            adopting = pool.submit(patiently, lambda: adopt_likes(visitor="v1", account="u1"))
            wait_for_locks([adopting])
        adopting.result(60)
    settle()
    assert Post.objects.get().like_count == Like.objects.get(visitor="u1").counted == 0


def test_the_recount_of_one_post_waits_for_a_worker_that_counts(post: Post) -> None:
    set_likes(clicks=[click(post, "v1")])

    with ThreadPoolExecutor(1) as pool:
        with in_another_connection(lambda: settle()):
            recounting = pool.submit(patiently, lambda: Post.recount_one(post.pk))
            wait_for_locks([recounting])
        assert recounting.result(60) == 0


def test_a_recount_of_all_neither_waits_for_a_worker_that_counts_nor_finds_a_drift(post: Post) -> None:
    set_likes(clicks=[click(post, "v1")])
    with in_another_connection(lambda: settle()):
        assert sum(recount()) == 0
        assert Post.objects.get().recounted_version is None, "nobody knows whether the new count is right"
    assert sum(recount(everything=False)) == 0
    assert Post.objects.get().recounted_version == Post.objects.get().version == 1


def test_a_wrong_count_of_a_locked_post_is_corrected_by_the_next_recount(post: Post, other: Post) -> None:
    Post.objects.update(like_count=5)

    def impatiently() -> int:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = 50")
            return sum(recount(everything=False))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, in_another_connection(lock_post(post)):
        assert pool.submit(impatiently).result(60) == 5, "the other post is corrected"
    assert sum(recount(everything=False)) == 5
    assert not Post.objects.exclude(like_count=0).exists()


def test_the_versions_of_a_bell_have_the_order_of_the_commits(mina: User) -> None:
    """A change waits for one that is not committed, whatever else it changes, and counts it."""
    with ThreadPoolExecutor(1) as pool:
        with in_another_connection(lambda: notify([Entry(mina.pk, "liked", "post.1")])):
            second = pool.submit(patiently, lambda: notify([Entry(mina.pk, "liked", "post.2")]))
            wait_for_locks([second])
        [event] = second.result(60)
    assert (event.version, event.state) == (2, '{"v":2,"unread":2}')
    assert bell_of(mina.pk) == (2, 2)


def test_a_count_that_changes_while_it_is_recounted_is_recounted_again(post: Post) -> None:
    set_likes(clicks=[click(post, "v1")])

    def settle_before(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if "SKIP LOCKED" in sql:  # the count is known, and the post is about to be marked
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(patiently, settle).result(60).likes
        return execute(sql, *rest)

    with connection.execute_wrapper(settle_before):
        assert sum(recount()) == 0
    assert Post.objects.get().recounted_version is None
