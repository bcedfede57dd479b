"""Admin classes that several apps use."""

from __future__ import annotations

from typing import Any, cast

from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property


class FirstPages(Paginator):
    """Counts no more rows than fit on ten pages: search and filters find the others."""

    @cached_property
    def count(self) -> int:
        return cast(QuerySet[Any], self.object_list)[: 10 * self.per_page].count()


class Large:
    """A list of a table that may be large: it never counts the whole table."""

    show_full_result_count = False
    paginator: type[Paginator[Any]] = FirstPages


class ReadOnly(Large):
    """Rows can be looked at and deleted in the admin, but neither added nor changed."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
