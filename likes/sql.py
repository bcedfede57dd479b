"""The SQL of the hot path, by hand: Django would take longer to compose it than the database takes to run it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection

# Sorted, so that all web processes lock rows in the same order.
STORE = """
INSERT INTO likes_like (visitor, post_id, wanted, counted, clicked_at)
SELECT column1, column2, column3, column4, column5 FROM (VALUES {rows}) AS click
WHERE column2 IN (SELECT id FROM likes_post) ORDER BY column1, column2
ON CONFLICT (visitor, post_id) DO UPDATE
SET wanted = excluded.wanted, clicked_at = excluded.clicked_at, settled_at = NULL
"""
PENDING = """
SELECT id, post_id, visitor, wanted, counted, clicked_at, notified_at FROM likes_like
WHERE settled_at IS NULL ORDER BY clicked_at LIMIT %s {lock}
"""
POSTS = "SELECT id, author_id, like_count, version FROM likes_post WHERE id IN {posts} ORDER BY id {lock}"
COUNT = "UPDATE likes_post SET like_count = like_count + %s, version = version + 1 WHERE id IN {posts}"
SETTLE = """
UPDATE likes_like SET counted = wanted, settled_at = %s, notified_at = CASE
    WHEN id IN {by_authors} THEN NULL WHEN wanted AND notified_at IS NULL THEN %s ELSE notified_at END
WHERE id IN {likes}
"""


def store(rows: Collection[tuple[str, int, bool, datetime]]) -> int:
    """Stores clicks: visitor, post id, wanted and time. Returns how many were stored; those on a deleted post are not.
    Raises `IntegrityError` if a post is deleted meanwhile."""
    placeholders = ", ".join(["(%s, %s, %s, %s, %s)"] * len(rows))
    values = [value for key, post_id, liked, at in rows for value in (key, post_id, liked, False, _to_value(at))]
    return _execute(STORE.format(rows=placeholders), values)


def pending(limit: int) -> Iterator[dict[str, Any]]:
    """Likes that wait to be settled and that no other worker is settling, oldest click first, locked."""
    statement = PENDING.format(lock=_lock("UPDATE SKIP LOCKED"))
    for pk, post_id, visitor, wanted, counted, clicked_at, notified_at in _rows(statement, [limit]):
        yield {
            "pk": pk,
            "post_id": post_id,
            "visitor": visitor,
            "wanted": bool(wanted),
            "counted": bool(counted),
            "clicked_at": _to_datetime(clicked_at),
            "notified_at": _to_datetime(notified_at),
        }


def posts(post_ids: Collection[int]) -> list[tuple[int, int, int, int]]:
    """Id, author id, count and version of these posts, locked in the order of their ids."""
    return _rows(POSTS.format(posts=_list(post_ids), lock=_lock("NO KEY UPDATE")), [*post_ids])


def count(post_ids: Collection[int], difference: int) -> None:
    """Adds ``difference`` to the count of each of these posts."""
    _execute(COUNT.format(posts=_list(post_ids)), [difference, *post_ids])


def settle(like_ids: Collection[int], by_authors: Iterable[int], at: datetime) -> None:
    """Marks likes as settled. ``by_authors`` are likes by the author of the post: nobody is notified of those."""
    not_notified = [*by_authors, None]  # never empty, because IN () is not valid SQL
    statement = SETTLE.format(by_authors=_list(not_notified), likes=_list(like_ids))
    _execute(statement, [_to_value(at), *not_notified, _to_value(at), *like_ids])


def _execute(statement: str, values: list[Any]) -> int:
    """Returns the number of rows changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def _rows(statement: str, values: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def _lock(strength: str) -> str:
    """Empty on SQLite, which has only one writer at a time."""
    return f"FOR {strength}" if connection.features.has_select_for_update else ""


def _list(values: Collection[Any]) -> str:
    return f"({', '.join(['%s'] * len(values))})"


def _to_value(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def _to_datetime(at: Any) -> datetime | None:
    """The reverse of `_to_value`: SQLite returns UTC as text."""
    return datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at
