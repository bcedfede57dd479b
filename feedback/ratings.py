"""The answers to "Was this page helpful?": their number for each page, and the same as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from feedback.models import Rating
from feedback.sources import names_of
from feedback.text import escaped_cell

ORDERS = {"newest": ("-latest", "page"), "votes": ("-votes", "-latest", "page")}
COLUMNS = ("site", "page", "yes", "no", "share", "messages", "latest")
Row = dict[str, Any]


def by_page(*, source: str = "", order: str = "newest") -> QuerySet[Rating, Any]:
    """For each page its source and the numbers of ``yes``, ``no``, ``votes`` and ``messages``, and the time of the
    ``latest`` vote. An unknown ``order`` is the first one."""
    rows = Rating.objects.filter(source=source) if source else Rating.objects.all()
    return (
        rows.order_by()
        .values("source", "page")
        .annotate(
            yes=Count("pk", filter=Q(helpful=True)),
            no=Count("pk", filter=Q(helpful=False)),
            votes=Count("pk"),
            messages=Count("message"),
            latest=Max("rated_at"),
        )
        .order_by(*ORDERS.get(order, ORDERS["newest"]), "source")
    )


def with_names(rows: Iterable[Row]) -> list[Row]:
    """The rows with the name of their ``site`` and their ``share`` of yes, in percent."""
    listed = list(rows)
    names = names_of(row["source"] for row in listed)
    return [
        {**row, "site": names.get(row["source"], ""), "share": round(100 * row["yes"] / row["votes"])} for row in listed
    ]


def sources() -> dict[str, str]:
    """The names of all sources that have ratings."""
    return names_of(Rating.objects.order_by().values_list("source", flat=True).distinct())


def as_csv(rows: Iterable[Row]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in with_names(rows):
        cells = {**row, "latest": row["latest"].isoformat()}
        writer.writerow([escaped_cell(str(cells[name])) for name in COLUMNS])
    return file.getvalue()
