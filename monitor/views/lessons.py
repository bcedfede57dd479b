"""Lessons that run: what Celery does, shown with real workers. For staff, in development."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from core.http import HtmxRequest, SeeOther, render_part
from core.permissions import staff_only
from monitor.lessons import charts, runner, state
from monitor.lessons.registry import NAMES, lesson
from monitor.lessons.state import State


def development_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.DEBUG:
            raise Http404
        return view(request, *args, **kwargs)

    return checked


@require_safe
@staff_only
@development_only
def overview(request: HttpRequest) -> HttpResponse:
    lessons = [(name, lesson(name), state.read(name)) for name in NAMES]
    return render(request, "lessons/lessons.html", {"lessons": lessons})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
@development_only
def page(request: HtmxRequest, name: str) -> HttpResponse:
    """A lesson with its newest result. POST runs it."""
    if name not in NAMES:
        raise Http404
    if request.method == "POST":
        try:
            runner.start(name)
        except state.Busy:
            messages.info(request, _("Another lesson is running. Wait until it has ended."))
        return SeeOther(reverse("lesson_page", args=[name]))
    context = {"name": name, "lesson": lesson(name), **shown(state.read(name))}
    return render_part(request, "lessons/_lesson.html", "lessons/lesson.html", context)


def shown(found: State) -> dict[str, Any]:
    result = found.result
    return {
        "state": found,
        "timelines": [charts.timeline(each) for each in result.timelines] if result else [],
        "columns": [charts.columns(each) for each in result.columns] if result else [],
        "tables": [charts.figures(each) for each in result.tables] if result else [],
    }
