"""The statements of the hot path, written out: Django would take longer to compose them than a database to run them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection

# Sorted, so that two web processes lock the same rows in the same order.
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
    WHEN id IN {own} THEN NULL WHEN wanted AND notified_at IS NULL THEN %s ELSE notified_at END
WHERE id IN {likes}
"""


def store(rows: Collection[tuple[str, int, bool, datetime]]) -> int:
    """Visitor, post, wanted and the moment of each click. Returns how many were stored: not those on a post that is
    gone. Raises `IntegrityError` where one goes at this moment."""
    values = ", ".join(["(%s, %s, %s, %s, %s)"] * len(rows))
    return _execute(
        STORE.format(rows=values), [v for key, post, liked, at in rows for v in (key, post, liked, False, _when(at))]
    )


def pending(limit: int) -> Iterator[dict[str, Any]]:
    """The likes that nobody has settled or is settling, oldest click first, locked."""
    for pk, post, visitor, wanted, counted, clicked, described in _rows(
        PENDING.format(lock=_lock("UPDATE SKIP LOCKED")), [limit]
    ):
        yield {
            "pk": pk,
            "post_id": post,
            "visitor": visitor,
            "wanted": bool(wanted),
            "counted": bool(counted),
            "clicked_at": _moment(clicked),
            "notified_at": _moment(described),
        }


def posts(pks: Collection[int]) -> list[tuple[int, int, int, int]]:
    """Post, author, count and version, locked in this order."""
    return _rows(POSTS.format(posts=_list(pks), lock=_lock("NO KEY UPDATE")), [*pks])


def count(posts: Collection[int], difference: int) -> None:
    _execute(COUNT.format(posts=_list(posts)), [difference, *posts])


def settle(likes: Collection[int], own: Iterable[int], at: datetime) -> None:
    """``own`` are those that authors gave themselves: nobody is told of them."""
    nobody = [*own, None]
    _execute(SETTLE.format(own=_list(nobody), likes=_list(likes)), [_when(at), *nobody, _when(at), *likes])


def _execute(statement: str, values: list[Any]) -> int:
    """Returns how many rows it has touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def _rows(statement: str, values: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def _lock(how: str) -> str:
    """SQLite has one writer at a time anyway."""
    return f"FOR {how}" if connection.features.has_select_for_update else ""


def _list(values: Collection[Any]) -> str:
    return f"({', '.join(['%s'] * len(values))})"


def _when(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def _moment(at: Any) -> datetime | None:
    """What `_when` was given: SQLite keeps text, in UTC."""
    return datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at
