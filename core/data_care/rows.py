"""Rows as JSON and back: the same text for the same row in SQLite and in PostgreSQL.

Django's own serializers do not suffice: they cut times to milliseconds, decrypt what is encrypted, and need one
statement for each row.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import ExpressionWrapper, F

from core.encryption import EncryptedTextField

CHUNK = 1000  # rows read at once
Row = dict[str, Any]


def exported_models() -> list[type[models.Model]]:
    """All tables but that of sessions, which would let a reader of the file sign in as somebody else, and what says
    more about them."""
    found = apps.get_models(include_auto_created=True)
    kept = (model for model in found if not model._meta.proxy and not _is_about_sessions(model))
    return sorted(kept, key=lambda model: model._meta.label_lower)


def _is_about_sessions(model: type[models.Model]) -> bool:
    return model is Session or any(field.related_model is Session for field in model._meta.fields)


def lines() -> Iterator[str]:
    """One line of JSON for each row, by model and primary key."""
    for model in exported_models():
        label, names = model._meta.label_lower, [field.attname for field in model._meta.local_concrete_fields]
        for values in _stored(model).iterator(chunk_size=CHUNK):
            fields = dict(zip(names, map(_to_json, values), strict=True))
            yield json.dumps({"model": label, "fields": fields}, ensure_ascii=False, separators=(",", ":"))


def _stored(model: type[models.Model]) -> models.QuerySet[Any, Any]:
    """The columns of this table alone (a parent model has lines of its own), what is encrypted as it is."""
    columns = [
        ExpressionWrapper(F(field.attname), output_field=models.TextField())
        if isinstance(field, EncryptedTextField)
        else F(field.attname)
        for field in model._meta.local_concrete_fields
    ]
    return model._base_manager.order_by("pk").values_list(*columns)


def _to_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return b64encode(value).decode()
    if isinstance(value, dict | list):  # PostgreSQL does not keep the order of keys
        return json.loads(json.dumps(value, sort_keys=True))
    return str(value)


class BadRow(ValueError):
    """A line that is no row of any table, as a sentence."""


def parse(line: bytes) -> tuple[type[models.Model], list[Any]]:
    """The model of a line, and the values of its columns as the database takes them. Raises `BadRow`."""
    try:
        row = json.loads(line)
        model, fields = apps.get_model(row["model"]), row["fields"]
        columns = model._meta.local_concrete_fields
        if set(fields) != {field.attname for field in columns}:
            raise BadRow(f"{row['model']} has other columns.")
        return model, [_to_database(field, fields[field.attname]) for field in columns]
    except (ValueError, TypeError, KeyError, LookupError, RecursionError, ValidationError, ArithmeticError) as error:
        raise error if isinstance(error, BadRow) else BadRow(f"it is no row ({_short(error)}).") from error


def _to_database(field: Any, value: Any) -> Any:
    if value is None or isinstance(field, EncryptedTextField):
        return value
    return field.get_db_prep_save(field.to_python(value), connection)


def insert(model: type[models.Model], rows: list[list[Any]]) -> None:
    """Raises `DatabaseError`."""
    quote, columns = connection.ops.quote_name, model._meta.local_concrete_fields
    names, values = ", ".join(quote(str(field.column)) for field in columns), ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({values})", rows)  # noqa: S608


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
