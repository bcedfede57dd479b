"""The SQL of the hot path, by hand: Django would take longer to compose it than the database takes to run it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection

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
LIKE = ("pk", "post_id", "visitor", "wanted", "counted", "clicked_at", "notified_at", "version")  # then those of POST
POST = ("author_id", "like_count", "imported_count", "version")
LOCK = "FOR UPDATE OF l SKIP LOCKED FOR NO KEY UPDATE OF p SKIP LOCKED"
COUNT = "UPDATE likes_post SET like_count = like_count + %s, version = version + 1 WHERE id IN {posts}"
SETTLE = """
UPDATE likes_like SET counted = wanted, settled_at = %s, notified_at = CASE
    WHEN id IN {by_authors} THEN NULL WHEN wanted AND notified_at IS NULL THEN %s ELSE notified_at END
WHERE id IN {likes}
"""


def store(rows: Collection[tuple[str, int, bool, datetime, str]]) -> dict[tuple[str, int], int]:
    """Stores clicks: visitor, post id, wanted, time, network. Returns the versions of the likes by visitor and post id.
    A click on a deleted post is not stored. Raises `IntegrityError` if a post is deleted meanwhile."""
    placeholders = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(rows))
    values = [v for key, post_id, liked, at, net in rows for v in (key, post_id, liked, False, _to_value(at), net)]
    return {(visitor, post_id): version for visitor, post_id, version in _rows(STORE.format(rows=placeholders), values)}


def pending(limit: int, post_id: int | None = None) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Likes that wait to be settled, oldest click first, each with its post; only those of one post, if it is given.
    Both rows are locked. A like is left out as long as somebody else has locked it or its post."""
    statement = PENDING.format(
        one_post="" if post_id is None else "AND l.post_id = %s",
        lock=LOCK if connection.features.has_select_for_update else "",  # SQLite has only one writer at a time
    )
    for row in _rows(statement, [limit] if post_id is None else [post_id, limit]):
        like, post = dict(zip(LIKE, row, strict=False)), dict(zip(POST, row[len(LIKE) :], strict=True))
        like |= {"clicked_at": _to_datetime(like["clicked_at"]), "notified_at": _to_datetime(like["notified_at"])}
        yield like, post | {"pk": like["post_id"]}


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


def _to_datetime(at: Any) -> datetime | None:
    """The reverse of `_to_value`: SQLite returns UTC as text."""
    return datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at
