"""Settling: the worker adds what visitors want to the counts of posts."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from typing import NamedTuple

from django.db import DatabaseError, OperationalError, transaction
from django.utils import timezone

from core.database import unsynced_commit
from likes import author_notifications, sql
from likes.models import Like, Post
from likes.sql import CountedPost, PendingLike
from live.topics import Event
from notifications.notify import notify

BATCH = 500  # rows in one transaction: some milliseconds of work
log = logging.getLogger(__name__)


class Settled(NamedTuple):
    posts: list[CountedPost]  # whose count has changed, with the new count
    likes: list[PendingLike]
    bells: list[Event]  # of their authors


@unsynced_commit()
def settle(limit: int = BATCH) -> Settled:
    """Settles pending likes, oldest click first. Exact however often it runs, in any order and in several workers at
    once, because each like adds the difference between ``wanted`` and ``counted``. If a row is wrong, each post is
    settled by itself, so that only the likes of that post wait. After a power failure the last likes may be pending
    again."""
    try:
        return _settle(limit)
    except OperationalError:  # the database is away, locked or full: no row is wrong
        raise
    except DatabaseError as error:
        log.error("could not settle %d likes at once, settling each post: %r", limit, error)
    pending = Like.objects.filter(settled_at=None).values_list("post", flat=True).distinct()
    settled = [_settle_post(post_id, limit) for post_id in pending[:limit]]
    return Settled(*(sum(lists, []) for lists in zip(*settled, strict=True))) if settled else Settled([], [], [])


def _settle_post(post_id: int, limit: int) -> Settled:
    """Recounts the post first, which mends a wrong count. If it still fails, /healthz/ shows that likes wait."""
    try:
        Post.recount_one(post_id)
        return _settle(limit, post_id)
    except DatabaseError as error:
        log.error("could not settle the likes of post %d: %r", post_id, error)
        return Settled([], [], [])


@transaction.atomic
def _settle(limit: int, post_id: int | None = None) -> Settled:
    likes: list[PendingLike] = []
    posts: dict[int, CountedPost] = {}
    changes, now = Counter[int](), timezone.now()  # changes: by how much the count of each post changes, by post id
    for like, post in sql.pending(limit, post_id):
        likes.append(like)
        changes[like.post_id] += like.wanted - like.counted
        posts.setdefault(like.post_id, post)
    if not likes:
        return Settled([], [], [])
    by_authors = author_notifications.likes_by_authors(likes, posts.values())
    bells = notify(author_notifications.entries(likes, by_authors, posts.values(), changes, now), at=now)
    changed = [post for post in posts.values() if changes[post.pk]]
    _count(changed, changes)
    sql.settle([like.pk for like in likes], by_authors, now)
    return Settled(changed, likes, bells)


def _count(posts: list[CountedPost], changes: Counter[int]) -> None:
    """One UPDATE for all posts whose counts change by the same number. Sets the new count on the objects, too."""
    by_difference = defaultdict(list)
    for post in posts:
        by_difference[changes[post.pk]].append(post.pk)
        post.like_count += changes[post.pk]
        post.version += 1
    for difference, post_ids in by_difference.items():
        sql.count(post_ids, difference)
