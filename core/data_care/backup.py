"""Backups of the database: one compressed file each, which is read again after it was written. It holds neither
SECRET_KEY nor VAPID_PRIVATE_KEY, so that whoever finds it cannot read what is encrypted in it."""

from __future__ import annotations

import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.db import connection
from django.utils import timezone

from core.data_care import postgres, sqlite
from core.data_care.files import complete_file
from core.redis import redis

NAME = re.compile(r"redheart-[0-9T.]+Z\.(sqlite3|dump)\.gz")
LATEST = "redheart:backup"


class Backup(NamedTuple):
    at: float  # in seconds since 1970
    size: int = 0  # bytes
    seconds: float = 0.0  # that it took
    error: str = ""  # why the latest attempt failed; the rest is that of the backup before


def engine() -> Any:
    """The module for the configured database."""
    return postgres if connection.vendor == "postgresql" else sqlite


def create(folder: Path) -> Path:
    """Writes a backup into the folder and reads it again. Returns its path. Raises `DataError`."""
    now = timezone.now()
    path = folder / f"redheart-{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z{engine().SUFFIX}"
    with complete_file(path) as part, tempfile.TemporaryDirectory(dir=folder, prefix=".verify-") as unpacked:
        engine().dump(part)
        engine().unpack(part, Path(unpacked))
    return path


def create_and_report() -> Backup:
    """The daily backup: deletes the oldest ones, too. The monitoring page and the metrics show the result."""
    started = time.time()
    try:
        path = create(Path(settings.BACKUP_DIR))
    except Exception as error:
        _report((latest() or Backup(0.0))._replace(error=str(error)))
        raise
    done = Backup(started, path.stat().st_size, time.time() - started)
    _report(done)
    delete_oldest(Path(settings.BACKUP_DIR), kept=settings.BACKUPS_KEPT)
    return done


def delete_oldest(folder: Path, *, kept: int) -> None:
    """Deletes all but the newest backups. Other files stay."""
    backups = sorted(file for file in folder.iterdir() if NAME.fullmatch(file.name))
    for file in backups[: max(0, len(backups) - kept)]:
        file.unlink(missing_ok=True)


def latest() -> Backup | None:
    """The latest daily backup. None: there was none yet. Raises `RedisError`."""
    stored = cast(bytes | None, redis().get(LATEST))
    return Backup(*json.loads(stored)) if stored else None


def _report(backup: Backup) -> None:
    redis().set(LATEST, json.dumps(backup))
