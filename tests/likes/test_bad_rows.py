"""One wrong row makes no other like wait."""

from __future__ import annotations

import logging
from collections import Counter

import pytest
from django.contrib.auth.models import User
from django.db import DataError
from django.utils import timezone

from likes import settling
from likes.models import Like, Post
from likes.services import Click, set_likes
from likes.settling import settle
from likes.sql import CountedPost


def click(post: Post, visitor: str, liked: bool) -> Click:
    return Click(post.pk, visitor, liked, timezone.now())


@pytest.fixture
def wrong(post: Post, caplog: pytest.LogCaptureFixture) -> Post:
    """A post whose count is too low, and whose like is being removed."""
    caplog.set_level(logging.ERROR)
    set_likes(clicks=[click(post, "v1", True)])
    settle()
    Post.objects.update(like_count=0)
    set_likes(clicks=[click(post, "v1", False)])
    return post


@pytest.fixture
def other(mina: User) -> Post:
    return Post.objects.create(author=mina, text="Another post")


def test_a_count_that_is_too_low_is_recounted_and_its_likes_are_settled(
    wrong: Post, other: Post, caplog: pytest.LogCaptureFixture
) -> None:
    set_likes(clicks=[click(other, f"v{n}", True) for n in range(3)])
    settled = settle()
    assert {post.pk: post.like_count for post in settled.posts} == {wrong.pk: 0, other.pk: 3}
    assert {post.pk: post.like_count for post in Post.objects.all()} == {wrong.pk: 0, other.pk: 3}
    assert not Like.objects.filter(settled_at=None).exists()
    assert "settling each post" in caplog.text


def test_a_post_that_cannot_be_settled_waits_alone_and_is_logged(
    wrong: Post, other: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(posts: list[CountedPost], changes: Counter[int]) -> None:
        if any(post.pk == wrong.pk for post in posts):
            raise DataError("a row that nobody understands")
        count(posts, changes)

    count = settling._count
    monkeypatch.setattr(settling, "_count", fails)
    set_likes(clicks=[click(other, "v2", True)])
    assert [(post.pk, post.like_count) for post in settle().posts] == [(other.pk, 1)]
    assert Like.objects.get(settled_at=None).post_id == wrong.pk
    assert f"could not settle the likes of post {wrong.pk}" in caplog.text
