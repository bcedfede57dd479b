"""Operations of migrations that build or drop an index while the site goes on writing. (SQLite has one writer at a time
in any case.) The migration needs ``atomic = False``."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres import operations
from django.db import migrations


class AddIndex(migrations.AddIndex):
    atomic = False

    def database_forwards(self, *args: Any) -> None:
        if _is_postgres(*args):
            _drop_unfinished(self.index.name, *args)
            operations.AddIndexConcurrently(self.model_name, self.index).database_forwards(*args)
        else:
            super().database_forwards(*args)

    def database_backwards(self, *args: Any) -> None:
        if _is_postgres(*args):
            operations.AddIndexConcurrently(self.model_name, self.index).database_backwards(*args)
        else:
            super().database_backwards(*args)


class RemoveIndex(migrations.RemoveIndex):
    atomic = False

    def database_forwards(self, *args: Any) -> None:
        if _is_postgres(*args):
            operations.RemoveIndexConcurrently(self.model_name, self.name).database_forwards(*args)
        else:
            super().database_forwards(*args)

    def database_backwards(self, *args: Any) -> None:
        if _is_postgres(*args):
            operations.RemoveIndexConcurrently(self.model_name, self.name).database_backwards(*args)
        else:
            super().database_backwards(*args)


def _is_postgres(app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> bool:
    return bool(schema_editor.connection.vendor == "postgresql")


def _drop_unfinished(name: str, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
    """An attempt that was interrupted leaves an index that is not used, and PostgreSQL refuses a second one."""
    schema_editor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
