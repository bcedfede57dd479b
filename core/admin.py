"""Admin classes that several apps use."""

from __future__ import annotations

from django.db.models import Model
from django.http import HttpRequest


class ReadOnly:
    """Rows can be looked at and deleted in the admin, but neither added nor changed."""

    show_full_result_count = False  # it would count the whole table

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
