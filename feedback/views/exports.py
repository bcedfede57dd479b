"""Exports: start one, watch it, cancel it, download the file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from uuid import UUID

from celery import uuid
from celery.result import AsyncResult
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.http import HtmxRequest, SeeOther, render_part
from core.permissions import staff_only
from feedback import exports, selectors, tasks
from feedback.models import Export, ExportChunk
from feedback.topics import export_event


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def export(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        format, show = request.POST.get("format", ""), request.POST.get("show", "")
        if format not in exports.FORMATS:
            raise Http404
        return _start(request, format, show)
    context = {"filters": selectors.FILTERS.items(), "files": Export.objects.all()}
    return render(request, "feedback/exports.html", context)


def _start(request: HttpRequest, format: str, show: str) -> HttpResponse:
    task_id = uuid()
    try:
        AsyncResult(task_id).backend.store_result(
            task_id, {"state": exports.RUNNING, "done": 0, "total": 0}, "ENQUEUED"
        )
        tasks.export.apply_async([format, show, request.user.pk], task_id=task_id, priority=tasks.EXPORT_PRIORITY)
    except Exception:
        return render(
            request, "feedback/exports.html", {"filters": selectors.FILTERS.items(), "down": True}, status=503
        )
    return SeeOther(reverse("export", args=[task_id]))


@require_safe
@staff_only
def export_progress(request: HtmxRequest, task_id: UUID) -> HttpResponse:
    version = export_event(str(task_id)).version  # read before the progress, so that a later change is fetched again
    progress = exports.progress(str(task_id))
    if progress is None:
        raise Http404
    context = {"task_id": task_id, "version": version, **progress}
    return render_part(request, "feedback/_export.html", "feedback/export.html", context)


@require_POST
@staff_only
def export_cancel(request: HttpRequest, task_id: UUID) -> HttpResponse:
    exports.cancel(str(task_id))
    return SeeOther(reverse("export", args=[task_id]))


@require_safe
@staff_only
def export_file(request: HttpRequest, task_id: UUID, format: str) -> HttpResponseBase:
    found = get_object_or_404(Export, pk=task_id, format=format)
    return StreamingHttpResponse(
        content_of(found.part),
        content_type="text/csv; charset=utf-8" if format == "csv" else "application/json",
        headers={"Content-Disposition": f'attachment; filename="feedback.{format}"', "Content-Length": found.size},
    )


async def content_of(part: UUID) -> AsyncIterator[bytes]:
    """The content piece by piece, so that memory holds one."""
    for number in count():
        chunk = await ExportChunk.objects.filter(part=part, number=number).values_list("content", flat=True).afirst()
        if chunk is None:
            return
        yield bytes(chunk)
