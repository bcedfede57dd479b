"""The live topics of this app: ``post.<id>``, the count of a post, and ``feed``, the newest posts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from core.http import parse_pks
from core.models import Version
from likes.models import FEED, Like, Post, click_id
from likes.sql import CountedPost, PendingLike
from live import topics
from live.topics import LAST_VERSION, Event, event

MAX_NEWEST = 20  # post ids in the state of the feed


def count_event(post: Post | CountedPost) -> Event:
    return event(f"post.{post.pk}", post.version, {"count": post.count})


def gone_event(post_id: int) -> Event:
    return event(f"post.{post_id}", LAST_VERSION, {"gone": True})


def saved_event(like: Like | PendingLike, times: dict[str, Any] | None = None) -> Event:
    """A settled like, for the pages of its visitor only. ``times`` of the stages are in seconds since 1970."""
    data: dict[str, Any] = {"liked": like.wanted}
    if times:
        # A click may arrive after the task was enqueued or has started: then these stages begin with the click.
        accepted = like.clicked_at.timestamp()
        begun = {stage: max(accepted, times[stage]) for stage in ("enqueued", "started")}
        data["journey"] = {
            "id": click_id(like.post_id, accepted),
            "accepted": accepted,
            **times,
            **begun,
            "broadcast": time.time(),
        }
    personal, post = topics.personal_topic(like.visitor), f"post.{like.post_id}"
    return event(personal, like.version, data, name=f"like.{like.post_id}", via=post)


def feed_event() -> Event:
    """Reads the version first: a change between the two queries is broadcast again, with the next version."""
    version = Version.current(FEED)
    newest = list(Post.of_feed().values_list("pk", flat=True)[:MAX_NEWEST])
    return event("feed", version, {"newest": newest})


def counts(keys: list[str]) -> Iterable[Event]:
    post_ids = parse_pks(keys)
    posts = Post.objects.filter(pk__in=post_ids).only("pk", "like_count", "imported_count", "version").in_bulk()
    yield from map(count_event, posts.values())
    yield from map(gone_event, post_ids - posts.keys())


def versions(keys: list[str]) -> dict[str, int]:
    found = Post.objects.filter(pk__in=parse_pks(keys)).values_list("pk", "version")
    return {str(post_id): version for post_id, version in found}


def personal_likes(visitors: list[str], keys: list[str]) -> Iterable[Event]:
    """The settled likes of these visitors, each with the count that includes it: one query reads both."""
    settled = Like.objects.filter(visitor__in=visitors, post__in=parse_pks(keys), settled_at__isnull=False)
    for like in settled.select_related("post"):
        yield count_event(like.post)
        yield saved_event(like)


topics.declare("post", snapshot=counts, personal=personal_likes, versions=versions)
topics.declare("feed", snapshot=lambda keys: [feed_event()])
