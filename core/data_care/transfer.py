"""All data as a file of JSON lines, to move it to another database: a header, one line for each row, and their number.

The same data is the same file, byte for byte, whichever database it comes from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from core.data_care import rows
from core.data_care.files import DataError
from core.models import Version

FORMAT = 1  # of the file
HEADER = 1  # lines
TOGETHER = 500  # rows inserted by one statement
CREATED = {Permission, ContentType, Version}  # tables with rows that Redheart and beat have created by themselves
Line = tuple[int, type[Model], list[Any]]  # its number, and what `rows.parse` returns


def export_lines() -> Iterator[str]:
    """All lines, as the data is at one moment."""
    with _snapshot():
        yield json.dumps({"redheart": FORMAT, "migrations": _migrations()})
        number = 0
        for line in rows.lines():
            yield line
            number += 1
        yield json.dumps({"rows": number})


@contextmanager
def _snapshot() -> Iterator[None]:
    """A transaction that only reads: nobody waits for it."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    with connection.cursor() as cursor:  # `atomic` would keep others from writing
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _migrations() -> list[str]:
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def import_lines(lines: Iterable[bytes]) -> int:
    """Stores all rows in an empty database, or none of them. Returns how many there were. Raises `DataError`, with the
    number of the line that is wrong."""
    numbered = enumerate(lines, 1)
    _check_header(next(numbered, (1, b""))[1])
    with transaction.atomic():
        _clear()
        total = 0
        for batch in _batches(numbered):
            total += len(batch)
            _insert(batch)
        _finish()
    ContentType.objects.clear_cache()
    return total


def _check_header(line: bytes) -> None:
    try:
        header = json.loads(line)
        format, migrations = header["redheart"], set(header["migrations"])
    except (ValueError, TypeError, KeyError):
        raise DataError("Line 1: this is no file that export has written.") from None
    if format != FORMAT:
        raise DataError(f"The file has format {format}, and this version of Redheart reads format {FORMAT}.")
    if different := sorted(migrations ^ set(_migrations())):
        newer = "newer" if different[0] in migrations else "older"
        raise DataError(
            f"The file was written by a {newer} version of Redheart ({different[0]}): export and import with the same."
        )


def _clear() -> None:
    """Raises `DataError` if there is more than what Redheart creates by itself."""
    created = []
    for model in rows.exported_models():
        if model in CREATED or model._meta.app_label == "django_celery_beat":
            created.append(model)
        elif model._base_manager.exists():
            raise DataError(f"The database is not empty: it has {model._meta.label_lower}. Import into a new one.")
    with connection.cursor() as cursor:
        for model in created:  # foreign keys are checked at the end
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608


def _batches(numbered: Iterator[tuple[int, bytes]]) -> Iterator[list[Line]]:
    """Rows of one table each. Raises `DataError` if a line is no row, or the end of the file is missing."""
    batch: list[Line] = []
    number = HEADER
    for number, line in numbered:
        if line.startswith(b'{"rows"'):
            if batch:
                yield batch
            return _check_end(number, line, numbered)
        try:
            model, values = rows.parse(line)
        except rows.BadRow as error:
            raise DataError(f"Line {number}: {error}") from error
        if batch and (len(batch) == TOGETHER or batch[0][1] is not model):
            yield batch
            batch = []
        batch.append((number, model, values))
    raise DataError(f"The file is incomplete: it ends with line {number}.")


def _check_end(number: int, line: bytes, rest: Iterator[tuple[int, bytes]]) -> None:
    total = number - HEADER - 1
    if line.strip() != json.dumps({"rows": total}).encode() or list(islice(rest, 1)):
        raise DataError(f"Line {number}: the file should end here, after {total} rows.")


def _insert(batch: list[Line]) -> None:
    """Finds the line that the database refuses, if there is one."""
    try:
        with transaction.atomic():
            rows.insert(batch[0][1], [values for _, _, values in batch])
    except DatabaseError as error:
        if len(batch) == 1:
            raise DataError(f"Line {batch[0][0]}: {_one_line(error)}") from error
        for line in batch:
            _insert([line])
        raise


def _finish() -> None:
    try:
        connection.check_constraints()
    except IntegrityError as error:
        raise DataError(f"A row refers to one that is missing: {_one_line(error)}") from error
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), rows.exported_models()):
            cursor.execute(statement)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
