"""Exports of messages as files in DATA_DIR/exports. Rows are streamed, so memory does not grow with their number."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from celery.result import AsyncResult
from django.conf import settings

from core.redis import redis
from feedback.selectors import selected
from feedback.text import escaped_cell

COLUMNS = (
    "id", "received_at", "email", "text", "source", "page", "identity", "language", "read_at", "answered_at",
    "archived_at", "spam", "note",
)  # fmt: skip
CHUNK = 1000  # rows between two progress reports
KEPT = 24 * 3600  # seconds that a file and its cancel flag are kept
CANCELLED_FLAG = "redheart:export:cancel:{}"  # with the task id
DONE, FAILED, CANCELLED, RUNNING = "done", "failed", "cancelled", "running"


class Cancelled(Exception):
    """The export was cancelled by a user."""


def folder() -> Path:
    return Path(settings.DATA_DIR) / "exports"


def path(task_id: str, format: str) -> Path:
    return folder() / f"{task_id}.{format}"


def write(task_id: str, format: str, show: str, report: Callable[[int, int], None]) -> int:
    """Writes the file, under a temporary name until it is complete. Returns the number of rows. ``report(done, total)``
    may raise to stop the export."""
    messages = selected(show).order_by("pk")
    total, done = messages.count(), 0
    folder().mkdir(parents=True, exist_ok=True)
    part = path(task_id, f"{format}.{uuid4().hex}.part")  # the task may run twice at once
    try:
        with part.open("w", encoding="utf-8-sig" if format == "csv" else "utf-8", newline="") as file:
            for done in FORMATS[format](file, messages.values_list(*COLUMNS).iterator(chunk_size=CHUNK)):
                if done % CHUNK == 0:
                    report(done, max(total, done))
        part.rename(path(task_id, format))
    finally:
        part.unlink(missing_ok=True)
    return done


def _csv(file: IO[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[int]:
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for done, row in enumerate(rows, 1):
        writer.writerow([escaped_cell(_text(value)) for value in row])
        yield done


def _json(file: IO[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[int]:
    file.write("[")
    for done, row in enumerate(rows, 1):
        file.write(",\n" if done > 1 else "\n")
        json.dump(dict(zip(COLUMNS, row, strict=True)), file, ensure_ascii=False, default=_text)
        yield done
    file.write("\n]\n")


FORMATS = {"csv": _csv, "json": _json}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def cancel(task_id: str) -> None:
    redis().set(CANCELLED_FLAG.format(task_id), 1, ex=KEPT)


def is_cancelled(task_id: str) -> bool:
    return bool(redis().exists(CANCELLED_FLAG.format(task_id)))


def progress(task_id: str) -> dict[str, Any] | None:
    """The progress of an export, from the result backend. None if there is no such export or its result has expired."""
    stored = AsyncResult(task_id).backend.get_task_meta(task_id)
    if stored["status"] == "PENDING":
        return None
    state = FAILED if stored["status"] == "FAILURE" else RUNNING
    reported = stored["result"] if isinstance(stored["result"], dict) else {}
    return {"state": state, "done": 0, "total": 0} | reported


def finished() -> list[Path]:
    files = [file for format in FORMATS for file in folder().glob(f"*.{format}")]
    return sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
