"""Restores a backup into the configured database, whatever that holds now."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import F, Model
from django.dispatch import Signal
from django.utils import timezone
from redis import RedisError

from core import processes
from core.data_care import backup
from core.data_care.files import DataError
from core.encryption import unreadable
from core.models import Version
from core.redis import redis

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
CHANGES = 256  # of one object in a second, at most; see `raise_versions`
SILENT = 10.0  # seconds; a process that has not reported for so long is dead
# What Redis remembers of the database: flags of tasks, the drift of the last recount, and the progress of exports.
REMEMBERED = ("redheart:enqueued:*", "redheart:drift", "redheart:export:*", "celery-task-meta-*")
restored = Signal()  # the tables have the rows of the backup, and nothing runs yet


class Restored(NamedTuple):
    before: Path  # the copy of what was there
    unreadable: int  # encrypted texts that this SECRET_KEY cannot read


def restore(path: Path, *, force: bool = False) -> Restored:
    """Raises `DataError`. Until it replaces the database, nothing has changed."""
    refuse_while_running(force=force)
    engine = backup.engine()
    if not path.is_file():
        raise DataError(f"There is no file {path}.")
    if not path.name.endswith(engine.SUFFIX):
        raise DataError(
            f"{path.name} is no backup for this database ({connection.vendor}): its name ends with {engine.SUFFIX}. "
            "To move to another database, use export and import."
        )
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix=".restore-") as folder:
        copy = engine.unpack(path, Path(folder))
        refuse_newer(engine.migrations(copy))
        before = _keep_what_is_there()
        engine.replace(copy)
    call_command("migrate", verbosity=0, interactive=False)
    raise_versions()
    restored.send(sender=None)
    forget()
    return Restored(before, unreadable())


def refuse_while_running(*, force: bool) -> None:
    """Raises `DataError` if processes of the site run or are connected, unless ``force``."""
    if force:
        return
    try:
        running = [report.name for report in processes.reports() if report.silence < SILENT]
    except RedisError as error:  # the embedded server runs only with the site
        if not settings.REDIS_URL.startswith("unix://"):
            raise DataError(
                "Redis does not answer, so it is unknown whether the site runs. --force ignores it."
            ) from error
        running = []
    if running:
        raise DataError(f"The site runs: {', '.join(running)}. Stop it first; --force ignores it.")
    if others := backup.engine().connected():
        raise DataError(f"{others} other connections use the database. Close them first; --force ignores them.")


def refuse_newer(migrations: set[tuple[str, str]]) -> None:
    """Raises `DataError` if the tables are those of a later version of Redheart, or not of Redheart at all."""
    if not any(app == "core" for app, _ in migrations):
        raise DataError("This is no backup of Redheart.")
    loader = MigrationLoader(None)
    known = {*loader.disk_migrations, *(key for m in loader.disk_migrations.values() for key in m.replaces)}
    if unknown := sorted(migrations - known):
        raise DataError(f"A newer version of Redheart made this backup: it has {'.'.join(unknown[0])}. Update first.")


def _keep_what_is_there() -> Path:
    """A backup of the database as it is; one that cannot be read is renamed."""
    folder = Path(settings.BACKUP_DIR)
    try:
        return backup.create(folder)
    except DataError:
        return Path(backup.engine().set_aside(f"damaged-{timezone.now():%Y%m%dT%H%M%SZ}"))


def raise_versions() -> None:
    """Open pages ignore what is not newer than what they have seen. So all versions become higher than they can have
    been, also if the same backup is restored again later."""
    by = int((timezone.now() - BEGINNING).total_seconds() * CHANGES)
    for model, name in versioned():
        model._base_manager.update(**{name: F(name) + by})


def versioned() -> list[tuple[type[Model], str]]:
    """The models that have a version, each with the name of its field."""
    names = {model: {field.name for field in model._meta.local_concrete_fields} for model in apps.get_models()}
    return [(Version, "number"), *((model, "version") for model in names if "version" in names[model])]


def forget() -> None:
    """Deletes what Redis remembers of the database before. The embedded server may not run."""
    with suppress(RedisError):
        for pattern in REMEMBERED:
            for key in redis().scan_iter(pattern, count=1000):
                redis().delete(key)
