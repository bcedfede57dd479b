"""The page of the lesson "In the request or in a worker": one sends the slow email oneself, and waits or not."""

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
from monitor import tasks
from monitor.lessons.slow_smtp import seconds
from monitor.lessons.sync import WHY
from monitor.lessons.sync_times import WAYS, record, times


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def compare(request: HttpRequest) -> HttpResponse:
    if not (settings.DEBUG or settings.SLOW_MAIL):
        raise Http404
    runs = {way: (request.POST or request.GET).get(way, "") for way in WAYS}
    way = request.POST.get("way", "")
    if way in WAYS:
        runs[way] = str(uuid4())
        record(runs[way], "began")
        send = tasks.send_slowly.delay if way == "worker" else tasks.send_slowly  # enqueue it, or call it here
        send(runs[way], settings.DEFAULT_FROM_EMAIL)
        record(runs[way], "answered")
        query = urlencode({name: run for name, run in runs.items() if run})
        return SeeOther(f"{reverse('lesson_sync')}?{query}")
    ways = [(name, runs[name], times(runs[name]) if runs[name] else {}) for name in WAYS]
    return render(request, "lessons/sync.html", {"ways": ways, "runs": runs, "seconds": seconds(), "why": WHY})
