"""Notifies authors of likes: one group for each post and day, and a milestone at 10, 100 and 1,000 likes.

The author is notified of a like once. The day of ``notified_at`` is its group; it stays if the like is removed, so
liking again rejoins that group silently. Likes by the author are in no group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

from likes.sql import CountedPost, PendingLike
from notifications.models import AlertLevel
from notifications.notify import Entry

MILESTONES = (10, 100, 1000)


def subject(post_id: int) -> str:
    return f"post.{post_id}"


def day(at: date) -> str:
    return f"{at:%Y-%m-%d}"


def likes_by_authors(likes: Iterable[PendingLike], posts: Iterable[CountedPost]) -> set[int]:
    """Ids of the likes by the author of the post."""
    keys = {post.pk: f"u{post.author_id}" for post in posts}
    return {like.pk for like in likes if like.visitor == keys.get(like.post_id)}


def entries(
    likes: Iterable[PendingLike],
    by_authors: set[int],
    posts: Iterable[CountedPost],
    changes: Mapping[int, int],
    now: datetime,
) -> Iterator[Entry]:
    """The entries of the bell for likes that are being settled. ``by_authors`` are the ids from `likes_by_authors`,
    ``changes`` the difference of each post's count."""
    authors, today = {post.pk: post.author_id for post in posts}, now.date()
    groups, new = Counter[tuple[int, date]](), set()
    newest: dict[int, PendingLike] = {}  # by post id; the likes come oldest first
    for like in likes:
        newest[like.post_id] = like
        wanted = like.wanted and like.pk not in by_authors
        if like.notified_at:
            groups[like.post_id, like.notified_at.date()] += wanted - like.counted
        elif wanted:
            groups[like.post_id, today] += 1
            new.add((like.post_id, today))
    for (post_id, group_day), number in groups.items():
        if post_id in authors:
            alert_level = AlertLevel.EVERY_TIME if (post_id, group_day) in new else AlertLevel.OFF
            cause = newest[post_id].click_id
            yield Entry(authors[post_id], "liked", subject(post_id), day(group_day), number, alert_level, cause)
    for post in posts:
        yield from _milestones(post, changes[post.pk], newest[post.pk].click_id)


def _milestones(post: CountedPost, change: int, cause: str) -> Iterator[Entry]:
    reached = range(post.like_count + 1, post.like_count + change + 1)
    if number := max((number for number in MILESTONES if number in reached), default=None):
        level = AlertLevel.FIRST_OF_DAY
        yield Entry(post.author_id, "milestone", subject(post.pk), str(number), alert_level=level, cause=cause)
