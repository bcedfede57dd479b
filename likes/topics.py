"""What of likes can be watched: the count of a post, and the news that there are new posts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from core.http import parse_pk
from likes.models import FeedVersion, Like, Post
from live import topics
from live.topics import LAST_VERSION, Event, event

SHOWN = 20  # new posts that a page counts one by one


def count_event(post: Post) -> Event:
    return event(f"post.{post.pk}", post.version, {"count": post.like_count})


def gone_event(pk: int) -> Event:
    return event(f"post.{pk}", LAST_VERSION, {"gone": True})


def saved_event(like: Like, times: dict[str, Any] | None = None) -> Event:
    """What became of a click, for the clicker's own pages; with the times of its journey in seconds since 1970."""
    data: dict[str, Any] = {"liked": like.wanted}
    if times:
        data["journey"] = {**_journey(like, times), "broadcast": time.time()}
    return event(topics.personal_topic(like.visitor), like.version, data, name=f"like.{like.post_id}")


def _journey(like: Like, times: dict[str, Any]) -> dict[str, Any]:
    """A click that comes while the worker has been asked, or is at it already, waits for neither."""
    accepted = like.clicked_at.timestamp()
    return {"accepted": accepted, **times} | {s: max(accepted, times[s]) for s in ("enqueued", "started") if s in times}


def feed_event() -> Event:
    """The version is read first: what changes between the two queries comes again, with the next version."""
    version = FeedVersion.current()
    newest = list(Post.objects.values_list("pk", flat=True)[:SHOWN])
    return event("feed", version, {"newest": newest})


def counts(keys: list[str]) -> Iterable[Event]:
    pks = _numbers(keys)
    posts = Post.objects.filter(pk__in=pks).only("pk", "like_count", "version").in_bulk()
    yield from map(count_event, posts.values())
    yield from map(gone_event, pks - posts.keys())


def own_likes(visitors: list[str], keys: list[str]) -> Iterable[Event]:
    """What these visitors have settled, each with the count that includes it: both are read together."""
    settled = Like.objects.filter(visitor__in=visitors, post__in=_numbers(keys), settled_at__isnull=False)
    for like in settled.select_related("post"):
        yield count_event(like.post)
        yield saved_event(like)


def _numbers(keys: list[str]) -> set[int]:
    return {pk for key in keys if (pk := parse_pk(key)) is not None}


topics.declare("post", snapshot=counts, personal=own_likes)
topics.declare("feed", snapshot=lambda keys: [feed_event()])
