"""After settling, each like has the state of the last click and each count equals the rows, whatever happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries

from core.one_at_a_time import one_at_a_time
from core.redis import redis
from likes import sql, tasks
from likes.models import Like, Post
from likes.recount import recount
from likes.services import Click, adopt_likes, set_likes
from likes.settling import settle

VISITORS, POSTS = 3, 2
NORMAL, FULL = 1, 2  # sqlite.org/pragma.html#pragma_synchronous
click = st.tuples(st.integers(0, VISITORS - 1), st.integers(0, POSTS - 1), st.booleans())
step = st.one_of(
    st.tuples(st.just("clicks"), st.lists(click, min_size=1, max_size=6)),  # one commit
    st.tuples(st.just("settle"), st.integers(1, 3)),  # a task that settles only some rows
    st.tuples(st.just("crash"), st.integers(1, 3)),  # a task that dies before its commit
    st.tuples(st.just("recount"), st.just(0)),
)


def count_of_rows(post: Post) -> int:
    return Like.objects.filter(post=post, wanted=True).count()


class AnyOrder(TestCase):
    """Tasks may be lost (no settle), doubled (settle twice), cut short (limit) or killed (crash) between clicks."""

    @settings(max_examples=150)
    @given(st.lists(step, max_size=12))
    def test_the_last_accepted_click_is_the_final_state_and_the_count_equals_the_rows(self, steps: list) -> None:
        author = User.objects.create(username="author")
        posts = [Post.objects.create(author=author, text=str(n)) for n in range(POSTS)]
        last: dict[tuple[str, int], bool] = {}
        now, versions = timezone.now(), {post.pk: 0 for post in posts}
        for second, (action, value) in enumerate(steps):
            at = now + timedelta(seconds=second)
            if action == "clicks":
                last |= self.click(posts, value, at)
            elif action == "settle":
                for counted in settle(limit=value).posts:
                    assert counted.version > versions[counted.pk], "a count that changes has a greater version"
                    versions[counted.pk] = counted.version
            elif action == "crash":
                self.crash(value)
            else:
                assert sum(recount()) == 0, "settling never drifts"
        while settle(limit=2).likes:
            pass
        assert {(like.visitor, like.post_id): like.wanted for like in Like.objects.all()} == last
        for post in posts:
            post.refresh_from_db()
            assert post.like_count == count_of_rows(post)
        assert not Like.objects.exclude(counted=True, wanted=True).exclude(counted=False, wanted=False).exists()

    def click(self, posts: list[Post], value: list, at: datetime) -> dict[tuple[str, int], bool]:
        clicks = [Click(posts[post].pk, f"v{visitor}", liked, at) for visitor, post, liked in value]
        set_likes(clicks=clicks)
        return {(click.visitor, click.post_id): click.liked for click in clicks}

    def crash(self, limit: int) -> None:
        with transaction.atomic():
            settle(limit=limit)
            transaction.set_rollback(True)


def test_a_click_is_counted_only_when_it_is_settled(post: Post) -> None:
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    post.refresh_from_db()
    assert (post.like_count, post.version) == (0, 0)
    settled = settle()
    post.refresh_from_db()
    assert (post.like_count, post.version) == (1, 1)
    assert [(p.pk, p.like_count, p.version) for p in settled.posts] == [(post.pk, 1, 1)]
    assert settle().likes == [], "nothing is pending any more"


def test_the_same_click_twice_changes_nothing(post: Post) -> None:
    for _ in range(2):
        set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
        settle()
    post.refresh_from_db()
    assert (post.like_count, post.version) == (1, 1)


def test_a_like_that_is_removed_before_it_is_settled_changes_no_count(post: Post) -> None:
    now = timezone.now()
    set_likes(clicks=[Click(post.pk, "v1", True, now), Click(post.pk, "v1", False, now)])
    assert settle().posts == []
    assert Like.objects.get().settled_at


def test_clicks_on_an_unknown_post_are_dropped_and_the_others_stored(post: Post) -> None:
    now = timezone.now()
    versions = set_likes(clicks=[Click(post.pk + 1, "v1", True, now), Click(post.pk, "v1", True, now)])
    assert versions == {("v1", post.pk): 1}
    assert Like.objects.get().post == post


@pytest.mark.django_db(transaction=True)
def test_a_post_may_be_deleted_while_its_click_is_stored(post: Post, mina: User) -> None:
    """PostgreSQL notices at the end of the statement and refuses all its rows."""
    deleted = Post.objects.create(author=mina, text="Deleted")

    def delete_before(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if "likes_like" in sql and Post.objects.filter(pk=deleted.pk)._raw_delete("default"):
            raise IntegrityError("no such post")
        return execute(sql, *rest)

    clicks = [Click(pk, "v1", True, timezone.now()) for pk in (post.pk, deleted.pk)]
    with connection.execute_wrapper(delete_before):
        assert set_likes(clicks=clicks) == {("v1", post.pk): 1}
    assert Like.objects.get().post == post


def test_recount_corrects_a_count_and_returns_the_drift(post: Post) -> None:
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    settle()
    Post.objects.update(like_count=5)
    assert sum(recount()) == 4
    assert Post.objects.get().like_count == 1
    assert sum(recount()) == 0


def test_a_recount_without_everything_looks_only_at_counts_that_have_changed_since(post: Post) -> None:
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    settle()
    assert sum(recount(everything=False)) == 0
    Post.objects.update(like_count=5)  # by hand, so that the version does not rise
    assert sum(recount(everything=False)) == 0
    set_likes(clicks=[Click(post.pk, "v2", True, timezone.now())])
    settle()
    assert sum(recount(everything=False)) == 4
    assert Post.objects.get().like_count == 2


def test_beat_recounts_everything_once_a_week_and_else_what_has_changed(post: Post) -> None:
    def drift_of_a_night() -> Any:
        Post.objects.update(like_count=5)
        tasks.recount_likes()
        return redis().get(tasks.DRIFT_KEY)

    assert drift_of_a_night() == b"5"
    assert sum(recount(everything=False)) == 0
    assert drift_of_a_night() == b"0"
    assert 6 * 86_400 < redis().ttl(tasks.RECOUNTED_KEY) < 7 * 86_400
    redis().delete(tasks.RECOUNTED_KEY)  # a week later
    assert drift_of_a_night() == b"5"
    Post.objects.update(like_count=5)
    tasks.recount_likes(everything=True)  # staff
    assert redis().get(tasks.DRIFT_KEY) == b"5"


def test_a_recount_takes_the_same_few_queries_for_each_500_posts(
    mina: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    posts = Post.objects.bulk_create(Post(author=mina, text="x", like_count=1) for _ in range(1200))
    Like.objects.bulk_create(
        Like(post=post, visitor="v1", wanted=True, counted=True, clicked_at=timezone.now(), settled_at=timezone.now())
        for post in posts
    )
    with django_assert_num_queries(3 * 6 + 1):  # ids; counts; savepoint, versions, mark, release
        assert list(recount(everything=False)) == [0, 0, 0]
    with django_assert_num_queries(1):
        assert list(recount(everything=False)) == []


def test_no_like_waits_for_a_recount_or_for_networks_to_be_forgotten(queued: Callable[[str], Any]) -> None:
    tasks.recount_likes.delay()
    tasks.forget_networks.delay()
    assert [headers["task"] for headers in queued("mail")] == [
        "likes.tasks.forget_networks",
        "likes.tasks.recount_likes",
    ]
    assert queued("likes") == []


def test_likes_that_were_left_out_during_a_recount_are_settled_at_once(
    post: Post, queued: Callable[[str], Any]
) -> None:
    tasks.recount_likes()
    assert [headers["task"] for headers in queued("likes")] == ["likes.tasks.settle_likes"]


def test_settling_500_likes_of_one_post_takes_a_fixed_number_of_queries(
    post: Post, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    set_likes(clicks=[Click(post.pk, f"v{n}", True, timezone.now()) for n in range(500)])
    # savepoint, pending rows with their posts, version of the author's bell, notifications, counts, rows, release
    with django_assert_num_queries(7):
        assert len(settle().likes) == 500


@pytest.mark.parametrize(
    ("visitor_wants", "account_wants", "result"),
    [(True, None, 1), (True, True, 1), (True, False, 1), (False, True, 1), (False, False, 0)],
)
def test_a_visitors_like_becomes_that_of_the_account_and_counts_once(
    post: Post, visitor_wants: bool, account_wants: bool | None, result: int
) -> None:
    set_likes(clicks=[Click(post.pk, "v1", visitor_wants, timezone.now())])
    if account_wants is not None:
        set_likes(clicks=[Click(post.pk, "u1", account_wants, timezone.now())])
    settle()
    adopt_likes(visitor="v1", account="u1")
    settle()
    post.refresh_from_db()
    assert post.like_count == result == count_of_rows(post)
    assert Like.objects.get(visitor="u1").wanted is bool(result)
    assert not Like.objects.filter(visitor="v1", wanted=True).exists()


def test_the_task_settles_pending_likes(post: Post) -> None:
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    tasks.settle_likes()
    assert Post.objects.get().like_count == 1


def test_only_one_recount_runs_at_a_time(post: Post) -> None:
    Post.objects.update(like_count=5)
    with one_at_a_time(redis(), "recount", tasks.recount_likes, seconds=5):
        tasks.recount_likes()
    assert Post.objects.get().like_count == 5
    tasks.recount_likes()
    assert Post.objects.get().like_count == 0
    assert redis().get(tasks.DRIFT_KEY) == b"5"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only there")
@pytest.mark.django_db(transaction=True)
def test_accepting_a_click_waits_for_the_disk_and_settling_it_does_not(post: Post) -> None:
    synchronous: list[int] = []

    def note(execute: Callable[..., Any], *args: Any) -> Any:
        synchronous.append(connection.connection.execute("PRAGMA synchronous").fetchone()[0])
        return execute(*args)

    with connection.execute_wrapper(note):
        set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
        assert set(synchronous) == {FULL}
        synchronous.clear()
        assert len(settle().likes) == 1
        assert set(synchronous) == {NORMAL}
        set_likes(clicks=[Click(post.pk, "v1", False, timezone.now())])
    assert synchronous[-1] == FULL, "the next click waits again"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lost", [False, True])
def test_a_click_waits_for_the_disk_also_after_settling_has_failed(
    post: Post, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """``lost``: the connection to the database."""

    def fail(*_: Any) -> None:
        if lost:
            connection.close()
        raise RuntimeError

    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    monkeypatch.setattr(sql, "count", fail)
    with pytest.raises(RuntimeError):
        settle()
    assert Like.objects.get().pending
    if connection.vendor == "sqlite":
        assert connection.connection.execute("PRAGMA synchronous").fetchone()[0] == FULL
