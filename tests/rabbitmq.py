"""The real RabbitMQ of this machine, for one suite at a time."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

URL = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
PORT = urlsplit(URL).port or 5672


@contextmanager
def rabbitmq_for_us_alone() -> Iterator[str]:
    """Its URL. Two suites at once would take each other's messages."""
    try:
        socket.create_connection(("127.0.0.1", PORT), timeout=1).close()
    except OSError:
        if not os.environ.get("CI"):
            pytest.skip("no RabbitMQ on this machine")
    with open(Path(tempfile.gettempdir()) / "redheart-rabbitmq.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield URL
