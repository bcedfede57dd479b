"""The same slow email, sent in the request and by a worker, side by side with their times."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from core.http import SeeOther
from core.permissions import staff_only
from feedback import tasks
from feedback.lesson import runs as lesson


@require_http_methods(["GET", "POST"])
@staff_only
def compare(request: HttpRequest) -> HttpResponse:
    if not (settings.DEBUG or settings.SLOW_MAIL):
        raise Http404
    runs = {way: (request.POST or request.GET).get(way, "") for way in lesson.WAYS}
    way = request.POST.get("way", "")
    if way in lesson.WAYS:
        runs[way] = lesson.begin()
        _send(way, runs[way])
        lesson.record(runs[way], answered=time.time())
        query = urlencode({name: run for name, run in runs.items() if run})
        return SeeOther(f"{reverse('lesson')}?{query}")
    ways = [(name, runs[name], lesson.times(runs[name]) if runs[name] else {}) for name in lesson.WAYS]
    seconds = settings.SLOW_MAIL or lesson.SECONDS
    return render(request, "feedback/lesson.html", {"ways": ways, "runs": runs, "seconds": seconds})


def _send(way: str, run_id: str) -> None:
    if way == "worker":
        tasks.send_lesson.delay(run_id, settings.DEFAULT_FROM_EMAIL)
    else:
        lesson.send_slowly(settings.DEFAULT_FROM_EMAIL)
        lesson.record(run_id, sent=time.time())
