"""Brings the counts of posts in step with what visitors want: what the worker does with a click."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from likes import author_notifications, sql
from likes.models import Like, Post
from live.topics import Event
from notifications.notify import notify

BATCH = 500  # rows that one transaction settles: a few milliseconds of work


class Settled(NamedTuple):
    posts: list[Post]  # whose count has changed, with the new count
    likes: list[Like]
    bells: list[Event]  # the bells of their authors


@transaction.atomic
def settle(limit: int = BATCH) -> Settled:
    """Settles pending likes, oldest click first. Exact however often it runs, in any order and from several workers at
    once: each like adds only the difference between wanted and counted."""
    likes = [Like(**row) for row in sql.pending(limit)]
    if not likes:
        return Settled([], [], [])
    change, now = _change(likes), timezone.now()
    posts = [Post(pk=pk, author_id=author, like_count=n, version=v) for pk, author, n, v in sql.posts(change)]
    own = author_notifications.by_authors(likes, posts)
    bells = notify(author_notifications.entries(likes, own, posts, change, now), at=now)
    changed = [post for post in posts if change[post.pk]]
    _count(changed, change)
    sql.settle([like.pk for like in likes], own, now)
    return Settled(changed, likes, bells)


def _change(likes: list[Like]) -> Counter[int]:
    """By how much the count of each post changes."""
    change = Counter[int]()
    for like in likes:
        change[like.post_id] += like.wanted - like.counted
    return change


def _count(posts: list[Post], change: Counter[int]) -> None:
    """One UPDATE for all posts whose counts change by the same number; the objects get the new count, too."""
    same = defaultdict(list)
    for post in posts:
        same[change[post.pk]].append(post.pk)
        post.like_count += change[post.pk]
        post.version += 1
    for difference, pks in same.items():
        sql.count(pks, difference)
