"""Deletes many rows without holding locks for long."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

TOGETHER = 500  # rows deleted in one transaction


def delete_in_steps(rows: QuerySet[Any]) -> int:
    """Deletes these rows, with what belongs to them. Returns their number."""
    deleted = 0
    while some := list(rows.order_by().values_list("pk", flat=True)[:TOGETHER]):
        rows.model._default_manager.filter(pk__in=some).delete()
        deleted += len(some)
    return deleted
