"""The SQL of the hot path, by hand: Django would take longer to compose it than the database takes to run it."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from likes.models import click_id

# Sorted, so that all web processes lock rows in the same order.
STORE = """
INSERT INTO likes_like (visitor, post_id, wanted, counted, clicked_at, network, version)
SELECT column1, column2, column3, column4, column5, column6, 1 FROM (VALUES {rows}) AS click
WHERE column2 IN (SELECT id FROM likes_post) ORDER BY column1, column2
ON CONFLICT (visitor, post_id) DO UPDATE
SET wanted = excluded.wanted, clicked_at = excluded.clicked_at, settled_at = NULL, version = likes_like.version + 1
RETURNING visitor, post_id, version
"""
PENDING = """
SELECT l.id, l.post_id, visitor, wanted, counted, clicked_at, notified_at, l.version,
    author_id, like_count, imported_count, p.version
FROM likes_like AS l JOIN likes_post AS p ON p.id = l.post_id
WHERE settled_at IS NULL {one_post} ORDER BY clicked_at LIMIT %s {lock}
"""
FEED = """
SELECT p.id, author_id, username, text, created_at, edited_at, like_count, imported_count, p.version,
    wanted, counted, l.id IS NOT NULL AND settled_at IS NULL
FROM likes_post AS p JOIN auth_user AS u ON u.id = author_id
LEFT JOIN likes_like AS l ON l.post_id = p.id AND visitor = %s
WHERE in_feed AND p.id < %s {among} ORDER BY p.id DESC LIMIT %s
"""
LOCK = "FOR UPDATE OF l SKIP LOCKED FOR NO KEY UPDATE OF p SKIP LOCKED"
COUNT = "UPDATE likes_post SET like_count = like_count + %s, version = version + 1 WHERE id IN {posts}"
SETTLE = """
UPDATE likes_like SET counted = wanted, settled_at = %s, notified_at = CASE
    WHEN id IN {by_authors} THEN NULL WHEN wanted AND notified_at IS NULL THEN %s ELSE notified_at END
WHERE id IN {likes}
"""


class PendingLike(NamedTuple):
    """A like that is being settled: what settling needs of it, without the cost of a model."""

    pk: int
    post_id: int
    visitor: str
    wanted: bool
    counted: bool
    clicked_at: datetime
    notified_at: datetime | None
    version: int

    @property
    def click_id(self) -> str:
        return click_id(self.post_id, self.clicked_at.timestamp())


@dataclass(slots=True)
class CountedPost:
    """The post of such a like."""

    pk: int
    author_id: int
    like_count: int
    imported_count: int
    version: int

    @property
    def count(self) -> int:
        return self.like_count + self.imported_count


def store(rows: Collection[tuple[str, int, bool, datetime, str]]) -> dict[tuple[str, int], int]:
    """Stores clicks: visitor, post id, wanted, time, network. Returns the versions of the likes by visitor and post id.
    A click on a deleted post is not stored. Raises `IntegrityError` if a post is deleted meanwhile."""
    placeholders = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(rows))
    values = [v for key, post_id, liked, at, net in rows for v in (key, post_id, liked, False, _to_value(at), net)]
    return {(visitor, post_id): version for visitor, post_id, version in _rows(STORE.format(rows=placeholders), values)}


def pending(limit: int, post_id: int | None = None) -> Iterator[tuple[PendingLike, CountedPost]]:
    """Likes that wait to be settled, oldest click first, each with its post; only those of one post, if it is given.
    Both rows are locked. A like is left out as long as somebody else has locked it or its post."""
    statement = PENDING.format(
        one_post="" if post_id is None else "AND l.post_id = %s",
        lock=LOCK if connection.features.has_select_for_update else "",  # SQLite has only one writer at a time
    )
    for row in _rows(statement, [limit] if post_id is None else [post_id, limit]):
        pk, post_id, visitor, wanted, counted, clicked_at, notified_at, version, *post = row
        times = _to_datetime(clicked_at), _to_datetime(notified_at)
        yield PendingLike(pk, post_id, visitor, wanted, counted, *times, version), CountedPost(post_id, *post)


def feed(
    visitor: str | None, limit: int, *, before: int | None, among: Collection[int] | None
) -> Iterator[tuple[Any, ...]]:
    """Posts of the feed, newest first, each with the name of its author and the like of a visitor: see `FeedPost`. Only
    those before a post id and among these ids, if they are given."""
    chosen = [] if among is None else [*among, None]  # never empty, because IN () is not valid SQL
    statement = FEED.format(among=f"AND p.id IN {_list(chosen)}" if chosen else "")
    for row in _rows(statement, [visitor or "", before or sys.maxsize, *chosen, limit]):
        yield *row[:4], _to_datetime(row[4]), _to_datetime(row[5]), *row[6:]


def count(post_ids: Collection[int], difference: int) -> None:
    """Adds ``difference`` to the count of each of these posts."""
    _execute(COUNT.format(posts=_list(post_ids)), [difference, *post_ids])


def settle(like_ids: Collection[int], by_authors: Iterable[int], at: datetime) -> None:
    """Marks likes as settled. ``by_authors`` are likes by the author of the post: nobody is notified of those."""
    not_notified = [*by_authors, None]  # never empty, because IN () is not valid SQL
    statement = SETTLE.format(by_authors=_list(not_notified), likes=_list(like_ids))
    _execute(statement, [_to_value(at), *not_notified, _to_value(at), *like_ids])


def _execute(statement: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _rows(statement: str, values: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def _list(values: Collection[Any]) -> str:
    return f"({', '.join(['%s'] * len(values))})"


def _to_value(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def _to_datetime(at: Any) -> Any:
    """The reverse of `_to_value`: SQLite returns UTC without saying so."""
    return at.replace(tzinfo=UTC) if at else None
