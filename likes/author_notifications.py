"""Whom settled likes are told to: the author, in one group for each post and day, and at 10, 100 and 1,000 likes.

A like is told once. ``told_at`` says in which group it is and stays when the like is taken back, so liking again puts
it back into its old group without a sound. An author's own like is in none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

from likes.models import Like, Post
from notifications.models import AlertLevel
from notifications.notify import Entry

MILESTONES = (10, 100, 1000)


def subject(post: int) -> str:
    return f"post.{post}"


def day(at: date) -> str:
    return f"{at:%Y-%m-%d}"


def by_authors(likes: Iterable[Like], posts: Iterable[Post]) -> set[int]:
    """The likes that authors gave themselves."""
    keys = {post.pk: f"u{post.author_id}" for post in posts}
    return {like.pk for like in likes if like.visitor == keys.get(like.post_id)}


def entries(
    likes: Iterable[Like], mine: set[int], posts: Iterable[Post], change: Mapping[int, int], now: datetime
) -> Iterator[Entry]:
    """What the bells hear of likes that are being settled; ``mine`` are those that authors gave themselves."""
    authors, today = {post.pk: post.author_id for post in posts}, now.date()
    groups, fresh = Counter[tuple[int, date]](), set()
    for like in likes:
        wanted = like.wanted and like.pk not in mine
        if like.notified_at:
            groups[like.post_id, like.notified_at.date()] += wanted - like.counted
        elif wanted:
            groups[like.post_id, today] += 1
            fresh.add((like.post_id, today))
    for (post, described), number in groups.items():
        if post in authors:
            alert_level = AlertLevel.EVERY_TIME if (post, described) in fresh else AlertLevel.OFF
            yield Entry(authors[post], "liked", subject(post), day(described), number, alert_level)
    for row in posts:
        yield from _milestones(row, change[row.pk])


def _milestones(post: Post, change: int) -> Iterator[Entry]:
    reached = range(post.like_count + 1, post.like_count + change + 1)
    if number := max((number for number in MILESTONES if number in reached), default=None):
        yield Entry(post.author_id, "milestone", subject(post.pk), str(number), alert_level=AlertLevel.FIRST_OF_DAY)
