"""Files that only this user can read, and that exist when they are complete."""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

LEVEL = 6  # of the compression


class DataError(Exception):
    """What stops a backup, a restore, an export or an import, as a sentence for the operator."""


@contextmanager
def complete_file(path: Path) -> Iterator[Path]:
    """Yields an empty file beside ``path`` that becomes ``path`` at the end of the block, or is deleted if that fails.
    Raises `DataError` if it cannot be written."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.touch(mode=0o600)
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise DataError(f"{path} could not be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):  # it may be that its folder cannot be used
            part.unlink(missing_ok=True)


def compress(source: IO[bytes], path: Path) -> None:
    with gzip.open(path, "wb", LEVEL) as target:
        shutil.copyfileobj(source, target, 1024 * 1024)


def decompress(path: Path, copy: Path) -> Path:
    """Writes the content of a compressed file to ``copy``. Raises `DataError` if its checksum is wrong."""
    copy.touch(mode=0o600)
    try:
        with gzip.open(path) as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}.") from error
    return copy
