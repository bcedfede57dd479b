"""Exports of messages, kept in the database for a day: worker and web process may run on different machines. Rows and
content are read and written in pieces, so memory does not grow with their number."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import IO, Any
from uuid import UUID, uuid4

from celery.result import AsyncResult
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.redis import redis
from feedback.models import Export, ExportChunk, Message
from feedback.selectors import selected
from feedback.text import escaped_cell

COLUMNS = (
    "id", "received_at", "email", "text", "source", "page", "identity", "language", "read_at", "answered_at",
    "archived_at", "spam", "note",
)  # fmt: skip
CHUNK = 1000  # rows between two progress reports
CHUNK_SIZE = 256 * 1024  # bytes of a row of content
KEPT = 24 * 3600  # seconds that an export and its cancel flag are kept
CANCELLED_FLAG = "redheart:export:cancel:{}"  # with the task id
DONE, FAILED, CANCELLED, RUNNING = "done", "failed", "cancelled", "running"


class Cancelled(Exception):
    """The export was cancelled by a user, or deleted while it was written."""


class Chunks(io.RawIOBase):
    """A binary file that writes each piece into a row."""

    def __init__(self) -> None:
        self.part, self.number, self.size = uuid4(), 0, 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        content = bytes(data)
        ExportChunk.objects.create(part=self.part, number=self.number, content=content)
        self.number += 1
        self.size += len(content)
        return len(content)


def write(task_id: str, format: str, show: str, report: Callable[[int, int], None]) -> int:
    """Writes the export; nobody sees it until it is complete. Returns the number of rows. ``report(done, total)`` may
    raise to stop it. Raises `Cancelled` if its content was deleted meanwhile."""
    messages = selected(show)
    total, done = messages.count(), 0
    chunks = Chunks()
    encoding = "utf-8-sig" if format == "csv" else "utf-8"
    try:
        with io.TextIOWrapper(io.BufferedWriter(chunks, CHUNK_SIZE), encoding=encoding, newline="") as file:
            for done in FORMATS[format](file, _rows(messages)):
                if done % CHUNK == 0:
                    report(done, max(total, done))
        _complete(UUID(task_id), format, chunks)
    except BaseException:
        ExportChunk.objects.filter(part=chunks.part).delete()
        raise
    return done


def _rows(messages: QuerySet[Message]) -> Iterator[tuple[Any, ...]]:
    """All rows by their ids, with a short query for each `CHUNK`: a long one would keep SQLite from writing."""
    rows, last = messages.order_by("pk").values_list(*COLUMNS), 0
    while some := list(rows.filter(pk__gt=last)[:CHUNK]):
        yield from some
        last = some[-1][0]


@transaction.atomic
def _complete(task_id: UUID, format: str, chunks: Chunks) -> None:
    """Replaces what an earlier run of the same task has written."""
    if ExportChunk.objects.filter(part=chunks.part).count() != chunks.number:
        raise Cancelled
    earlier = list(Export.objects.filter(pk=task_id).values_list("part", flat=True))
    values = {"format": format, "part": chunks.part, "size": chunks.size, "completed_at": timezone.now()}
    Export.objects.update_or_create(task_id=task_id, defaults=values)
    ExportChunk.objects.filter(part__in=earlier).delete()


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


def delete_old() -> None:
    """Deletes exports after `KEPT`, and what workers that died have left of theirs."""
    before = timezone.now() - timedelta(seconds=KEPT)
    Export.objects.filter(completed_at__lt=before).delete()
    complete = Export.objects.values("part")
    ExportChunk.objects.filter(written_at__lt=before).exclude(part__in=complete).delete()


def delete_all() -> None:
    """Also those that are being written: they end as cancelled."""
    Export.objects.all().delete()
    ExportChunk.objects.all().delete()
