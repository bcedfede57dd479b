"""The statements of the hot path, written out: Django would take longer to compose them than a database to run them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import connection

STORE = """
INSERT INTO likes_like (visitor, post_id, wanted, counted, clicked_at) VALUES {rows}
ON CONFLICT (visitor, post_id) DO UPDATE
SET wanted = excluded.wanted, clicked_at = excluded.clicked_at, settled_at = NULL
"""
COUNT = "UPDATE likes_post SET like_count = like_count + %s, version = version + 1 WHERE id IN {posts}"
SETTLE = """
UPDATE likes_like SET counted = wanted, settled_at = %s, told_at = CASE
    WHEN id IN {own} THEN NULL WHEN wanted AND told_at IS NULL THEN %s ELSE told_at END
WHERE id IN {likes}
"""


def store(rows: Collection[tuple[str, int, bool, datetime]]) -> None:
    """Visitor, post, wanted and the moment of each click. Raises `IntegrityError` where a post is gone."""
    values = ", ".join(["(%s, %s, %s, %s, %s)"] * len(rows))
    _execute(
        STORE.format(rows=values), [v for key, post, liked, at in rows for v in (key, post, liked, False, _when(at))]
    )


def count(posts: Collection[int], difference: int) -> None:
    _execute(COUNT.format(posts=_list(posts)), [difference, *posts])


def settle(likes: Collection[int], own: Iterable[int], at: datetime) -> None:
    """``own`` are those that authors gave themselves: nobody is told of them."""
    nobody = [*own, None]
    _execute(SETTLE.format(own=_list(nobody), likes=_list(likes)), [_when(at), *nobody, _when(at), *likes])


def _execute(statement: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _list(values: Collection[Any]) -> str:
    return f"({', '.join(['%s'] * len(values))})"


def _when(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)
