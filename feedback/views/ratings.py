"""The page ratings, for staff: a list of pages with their votes, and the same as a file."""

from __future__ import annotations

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from core.permissions import staff_only
from feedback import ratings

PAGE_SIZE = 50
ORDERS = {"newest": gettext_lazy("Newest"), "votes": gettext_lazy("Most votes")}


@require_safe
@staff_only
def overview(request: HttpRequest) -> HttpResponse:
    source, order = _selection(request)
    page = Paginator(ratings.by_page(source=source, order=order), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": ratings.with_names(page.object_list),
        "sources": ratings.sources().items(),
        "source": source,
        "orders": ORDERS.items(),
        "order": order,
        "selection": urlencode({"source": source, "order": order}),
    }
    return render(request, "feedback/ratings.html", context)


@require_safe
@staff_only
def download(request: HttpRequest) -> HttpResponse:
    source, order = _selection(request)
    text = "\ufeff" + ratings.as_csv(ratings.by_page(source=source, order=order))  # with a BOM Excel reads UTF-8
    headers = {"Content-Disposition": 'attachment; filename="ratings.csv"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


def _selection(request: HttpRequest) -> tuple[str, str]:
    """The source and the order that the URL names; others are ignored."""
    source, order = request.GET.get("source", ""), request.GET.get("order", "")
    return source if source in ratings.sources() else "", order if order in ORDERS else "newest"
