"""Settling: the worker adds what visitors want to the counts of posts."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from likes import author_notifications, sql
from likes.models import Like, Post
from live.topics import Event
from notifications.notify import notify

BATCH = 500  # rows in one transaction: some milliseconds of work


class Settled(NamedTuple):
    posts: list[Post]  # whose count has changed, with the new count
    likes: list[Like]
    bells: list[Event]  # of their authors


@transaction.atomic
def settle(limit: int = BATCH) -> Settled:
    """Settles pending likes, oldest click first. Exact however often it runs, in any order and in several workers at
    once, because each like adds the difference between ``wanted`` and ``counted``."""
    likes = [Like(**row) for row in sql.pending(limit)]
    if not likes:
        return Settled([], [], [])
    changes, now = Counter[int](), timezone.now()  # changes: by how much the count of each post changes, by post id
    for like in likes:
        changes[like.post_id] += like.wanted - like.counted
    posts = [Post(pk=pk, author_id=author, like_count=n, version=v) for pk, author, n, v in sql.posts(changes)]
    by_authors = author_notifications.likes_by_authors(likes, posts)
    bells = notify(author_notifications.entries(likes, by_authors, posts, changes, now), at=now)
    changed = [post for post in posts if changes[post.pk]]
    _count(changed, changes)
    sql.settle([like.pk for like in likes], by_authors, now)
    return Settled(changed, likes, bells)


def _count(posts: list[Post], changes: Counter[int]) -> None:
    """One UPDATE for all posts whose counts change by the same number. Sets the new count on the objects, too."""
    by_difference = defaultdict(list)
    for post in posts:
        by_difference[changes[post.pk]].append(post.pk)
        post.like_count += changes[post.pk]
        post.version += 1
    for difference, post_ids in by_difference.items():
        sql.count(post_ids, difference)
