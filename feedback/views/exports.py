"""The team's other pages: exports, the mails of development, and the lesson."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

from asgiref.sync import sync_to_async
from celery import uuid
from celery.result import AsyncResult
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.permissions import team_only
from feedback import dev_mailbox, exports, selectors, tasks
from feedback.lesson import runs as lesson
from feedback.topics import export_event
from feedback.views.sender import Request, SeeOther, part_or_page

PIECE = 64 * 1024  # bytes


@require_http_methods(["GET", "POST"])
@team_only
def export(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        kind, show = request.POST.get("kind", ""), request.POST.get("show", "")
        if kind not in exports.KINDS:
            raise Http404
        return _start(request, kind, show)
    context = {"filters": selectors.FILTERS.items(), "files": [_shown(file) for file in exports.finished()]}
    return render(request, "feedback/exports.html", context)


def _start(request: HttpRequest, kind: str, show: str) -> HttpResponse:
    task = uuid()
    try:
        AsyncResult(task).backend.store_result(task, {"state": exports.RUNNING, "done": 0, "total": 0}, "ASKED")
        tasks.export.apply_async([kind, show, request.user.pk], task_id=task, priority=tasks.BULK)
    except Exception:
        return render(
            request, "feedback/exports.html", {"filters": selectors.FILTERS.items(), "down": True}, status=503
        )
    return SeeOther(reverse("export", args=[task]))


@require_GET
@team_only
def export_progress(request: Request, task: UUID) -> HttpResponse:
    progress = exports.progress(str(task))
    if progress is None:
        raise Http404
    context = {"task": task, "version": export_event(str(task)).version, **progress}
    return part_or_page(request, "feedback/_export.html", "feedback/export.html", context)


@require_POST
@team_only
def export_cancel(request: HttpRequest, task: UUID) -> HttpResponse:
    exports.cancel(str(task))
    return SeeOther(reverse("export", args=[task]))


@require_GET
@team_only
def export_file(request: HttpRequest, task: UUID, kind: str) -> HttpResponseBase:
    path = exports.path(str(task), kind)
    if kind not in exports.KINDS or not path.exists():
        raise Http404
    return StreamingHttpResponse(
        pieces(path),
        content_type="text/csv; charset=utf-8" if kind == "csv" else "application/json",
        headers={"Content-Disposition": f'attachment; filename="feedback.{kind}"'},
    )


async def pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await sync_to_async(file.read)(PIECE):
            yield piece


def _shown(file: Path) -> dict[str, object]:
    stat = file.stat()
    return {
        "task": file.stem,
        "kind": file.suffix[1:],
        "size": stat.st_size,
        "at": datetime.fromtimestamp(stat.st_mtime, UTC),
    }


@require_GET
@team_only
def mails(request: HttpRequest) -> HttpResponse:
    if not dev_mailbox.written():
        raise Http404
    return render(request, "feedback/mails.html", {"mails": dev_mailbox.newest(), "most": dev_mailbox.SHOWN})


@require_GET
@team_only
def mail_file(request: HttpRequest, name: str) -> HttpResponse:
    try:
        mail = dev_mailbox.read(name)
    except FileNotFoundError as error:
        raise Http404 from error
    return render(
        request, "feedback/mail.html", {"headers": mail.items(), "subject": mail["Subject"], "body": _body(mail)}
    )


def _body(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    return str(part.get_content()) if part else ""


@require_http_methods(["GET", "POST"])
@team_only
def classroom(request: HttpRequest) -> HttpResponse:
    """The slow mail, once inside the request and once through the worker, side by side with their times."""
    if not (settings.DEBUG or settings.SLOW_MAIL):
        raise Http404
    runs = {way: (request.POST or request.GET).get(way, "") for way in lesson.WAYS}
    way = request.POST.get("way", "")
    if way in lesson.WAYS:
        runs[way] = lesson.begin()
        _run(way, runs[way])
        lesson.note(runs[way], answered=time.time())
        query = urlencode({name: run for name, run in runs.items() if run})
        return SeeOther(f"{reverse('lesson')}?{query}")
    ways = [(name, runs[name], lesson.times(runs[name]) if runs[name] else {}) for name in lesson.WAYS]
    seconds = settings.SLOW_MAIL or lesson.SECONDS
    return render(request, "feedback/lesson.html", {"ways": ways, "runs": runs, "seconds": seconds})


def _run(way: str, run: str) -> None:
    if way == "worker":
        tasks.send_lesson.delay(run, settings.FEEDBACK_FROM)
    else:
        lesson.send_slowly(settings.FEEDBACK_FROM)
        lesson.note(run, sent=time.time())
