"""Exports of messages as files below DATA_DIR/exports. They stream: many rows take no more memory than a few."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from celery.result import AsyncResult
from django.conf import settings

from core.redis import redis
from feedback.models import Message
from feedback.selectors import FILTERS
from feedback.text import harmless_cell

COLUMNS = (
    "id", "received_at", "email", "text", "page", "language", "read_at", "answered_at", "archived_at", "spam", "note",
)  # fmt: skip
CHUNK = 1000  # rows between two reports
DAY = 24 * 3600  # seconds that a file is kept
FORMATS = ("csv", "json")
DONE, FAILED, CANCELLED, RUNNING = "done", "failed", "cancelled", "running"


class Cancelled(Exception):
    """Somebody has pressed Cancel."""


def folder() -> Path:
    return Path(settings.DATA_DIR) / "exports"


def path(task: str, format: str) -> Path:
    return folder() / f"{task}.{format}"


def write(task: str, format: str, show: str, report: Callable[[int, int], None]) -> int:
    """Writes the file under another name until it is whole. Returns its rows. Whatever ``report`` raises ends it."""
    found = (
        Message.objects.filter(FILTERS[show][1]).order_by("pk") if show in FILTERS else Message.objects.order_by("pk")
    )
    total, done = found.count(), 0
    folder().mkdir(parents=True, exist_ok=True)
    part = path(task, f"{format}.part")
    try:
        with part.open("w", encoding="utf-8-sig" if format == "csv" else "utf-8", newline="") as file:
            for done in WRITERS[format](file, found.values_list(*COLUMNS).iterator(chunk_size=CHUNK)):
                if done % CHUNK == 0:
                    report(done, max(total, done))
        part.rename(path(task, format))
    finally:
        part.unlink(missing_ok=True)
    return done


def _csv(file: IO[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[int]:
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for done, row in enumerate(rows, 1):
        writer.writerow([harmless_cell(_text(value)) for value in row])
        yield done


def _json(file: IO[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[int]:
    file.write("[")
    for done, row in enumerate(rows, 1):
        file.write(",\n" if done > 1 else "\n")
        json.dump(dict(zip(COLUMNS, row, strict=True)), file, ensure_ascii=False, default=_text)
        yield done
    file.write("\n]\n")


WRITERS = {"csv": _csv, "json": _json}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def cancel(task: str) -> None:
    redis().set(_flag(task), 1, ex=DAY)


def cancelled(task: str) -> bool:
    return bool(redis().exists(_flag(task)))


def _flag(task: str) -> str:
    return f"redheart:export:cancel:{task}"


def progress(task: str) -> dict[str, Any] | None:
    """How far an export is, from the result backend. None: nobody has asked for it, or it is forgotten."""
    result = AsyncResult(task)
    known = result.info if isinstance(result.info, dict) else {}
    if result.state == "PENDING":
        return None
    if result.state == "FAILURE":
        return {"state": FAILED, "done": 0, "total": 0}
    return {"state": RUNNING, "done": 0, "total": 0} | known


def finished() -> list[Path]:
    files = [file for format in FORMATS for file in folder().glob(f"*.{format}")]
    return sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)


def delete_old() -> None:
    for file in folder().glob("*"):
        if file.stat().st_mtime < time.time() - DAY:
            file.unlink(missing_ok=True)
