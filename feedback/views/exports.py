"""Exports: start one, watch it, cancel it, download the file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from asgiref.sync import sync_to_async
from celery import uuid
from celery.result import AsyncResult
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.http import HtmxRequest, SeeOther, render_part
from core.permissions import staff_only
from feedback import exports, selectors, tasks
from feedback.topics import export_event

CHUNK = 64 * 1024  # bytes


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def export(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        format, show = request.POST.get("format", ""), request.POST.get("show", "")
        if format not in exports.FORMATS:
            raise Http404
        return _start(request, format, show)
    context = {"filters": selectors.FILTERS.items(), "files": [_row(file) for file in exports.finished()]}
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
    path = exports.path(str(task_id), format)
    if format not in exports.FORMATS or not path.exists():
        raise Http404
    return StreamingHttpResponse(
        chunks(path),
        content_type="text/csv; charset=utf-8" if format == "csv" else "application/json",
        headers={"Content-Disposition": f'attachment; filename="feedback.{format}"'},
    )


async def chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await sync_to_async(file.read)(CHUNK):
            yield chunk


def _row(file: Path) -> dict[str, object]:
    stat = file.stat()
    return {
        "task_id": file.stem,
        "format": file.suffix[1:],
        "size": stat.st_size,
        "at": datetime.fromtimestamp(stat.st_mtime, UTC),
    }
