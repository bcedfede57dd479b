from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from tests.live import ROOT

OPTIONS = "-Q mail,deliveries -c 1 --prefetch-multiplier 1 --without-gossip --without-mingle"


def database_url() -> str:
    """The database of the running test, for another process."""
    name, url = connection.settings_dict["NAME"], os.environ.get("DATABASE_URL", "")
    return f"{url.rpartition('/')[0]}/{name}" if url.startswith("postgres") else f"sqlite:///{name}"


@contextmanager
def worker(**env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real worker of the mail queue that dies as DIE_AT and DIE say (see `dying_worker`)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-q", "-A", "tests.outbox.dying_worker", "worker", *OPTIONS.split()],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url(), **env},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)
