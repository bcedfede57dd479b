"""The same slow email, sent in the request and by a worker, side by side with their times."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import uuid4

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from core.http import SeeOther
from core.permissions import staff_only
from feedback import tasks
from feedback.lesson import runs as lesson
from feedback.lesson.slow_smtp import seconds


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def compare(request: HttpRequest) -> HttpResponse:
    if not (settings.DEBUG or settings.SLOW_MAIL):
        raise Http404
    runs = {way: (request.POST or request.GET).get(way, "") for way in lesson.WAYS}
    way = request.POST.get("way", "")
    if way in lesson.WAYS:
        runs[way] = str(uuid4())
        lesson.record(runs[way], "began")
        send = tasks.send_lesson.delay if way == "worker" else tasks.send_lesson  # enqueue it, or call it here
        send(runs[way], settings.DEFAULT_FROM_EMAIL)
        lesson.record(runs[way], "answered")
        query = urlencode({name: run for name, run in runs.items() if run})
        return SeeOther(f"{reverse('lesson')}?{query}")
    ways = [(name, runs[name], lesson.times(runs[name]) if runs[name] else {}) for name in lesson.WAYS]
    return render(request, "feedback/lesson.html", {"ways": ways, "runs": runs, "seconds": seconds()})
