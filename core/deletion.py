"""Deletes many rows without holding locks for long."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

TOGETHER = 500  # rows deleted in one transaction
SELECTED = 50_000  # ids that one query reads: to look for each 500 would read the rows that stay again and again


def delete_in_steps(rows: QuerySet[Any]) -> int:
    """Deletes these rows, with what belongs to them. Returns their number."""
    deleted = 0
    while pks := list(rows.order_by().values_list("pk", flat=True)[:SELECTED]):
        for start in range(0, len(pks), TOGETHER):
            rows.order_by().filter(pk__in=pks[start : start + TOGETHER]).delete()  # unless they changed meanwhile
        deleted += len(pks)
    return deleted
