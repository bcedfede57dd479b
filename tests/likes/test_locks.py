"""Several connections at once, on PostgreSQL. SQLite has only one writer, so these tests would show nothing there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from likes.group_commit import GroupCommit
from likes.http import Refusal
from likes.models import Like, Post
from likes.services import Click, adopt_likes, set_likes
from likes.settling import settle

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


def test_likes_of_a_locked_post_wait_and_all_others_are_settled(post: Post, other: Post) -> None:
    set_likes(clicks=[click(post, f"v{n}") for n in range(3)] + [click(other)])
    with in_another_connection(lock_post(post)):
        assert [(settled.pk, settled.like_count) for settled in settle(limit=2).posts] == [(other.pk, 1)]
        assert settle().likes == []
    assert [(settled.pk, settled.like_count) for settled in settle().posts] == [(post.pk, 3)]


def test_two_workers_settle_different_likes(post: Post, other: Post) -> None:
    set_likes(clicks=[click(post)])
    set_likes(clicks=[click(other, "v2")])
    first: list[Like] = []
    with in_another_connection(lambda: first.extend(settle(limit=1).likes)):
        assert [like.post_id for like in first] == [post.pk]
        assert [like.post_id for like in settle().likes] == [other.pk]
    assert {p.pk: p.like_count for p in Post.objects.all()} == {post.pk: 1, other.pk: 1}


def test_a_worker_adds_to_the_count_that_another_has_just_committed(post: Post) -> None:
    set_likes(clicks=[click(post, "v1")])
    set_likes(clicks=[click(post, "v2")])
    with in_another_connection(lambda: settle(limit=1)):
        assert settle().likes == [], "the post is locked"
    assert settle().posts[0].like_count == 2
    assert Post.objects.get().like_count == 2


def test_two_web_processes_that_store_the_same_likes_do_not_deadlock(post: Post, other: Post) -> None:
    clicks = [click(p, f"v{n}") for p in (post, other) for n in range(20)]
    barrier = threading.Barrier(2)

    def store(batch: list[Click]) -> None:
        try:
            for _ in range(30):
                barrier.wait(60)
                set_likes(clicks=batch)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(store, batch) for batch in (clicks, clicks[::-1])]
        for job in jobs:
            job.result(60)
    assert set(Like.objects.values_list("version", flat=True)) == {60}


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

    def adopt() -> None:
        try:
            adopt_likes(visitor="v1", account="u1")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with in_another_connection(lambda: settle()):
            adopting = pool.submit(adopt)
            with pytest.raises(TimeoutError):
                adopting.result(0.5)
        adopting.result(60)
    settle()
    assert Post.objects.get().like_count == Like.objects.get(visitor="u1").counted == 1


def test_recount_waits_for_a_worker_that_counts(post: Post) -> None:
    set_likes(clicks=[click(post, "v1")])

    def recount() -> int:
        try:
            return Post.recount()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with in_another_connection(lambda: settle()):
            recounting = pool.submit(recount)
            with pytest.raises(TimeoutError):
                recounting.result(0.5)
        assert recounting.result(60) == 0
