"""People who ask for a page and leave before they have it."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.live import Live, until

PATHS = ("/healthz/", "/healthz/", "/", "/posts/1/", "/feedback/")


@contextmanager
def passing_by(live: Live) -> Iterator[None]:
    """The block begins when they are at it, and must stop the server: until then they come back."""
    asked: list[str] = []
    with ThreadPoolExecutor(len(PATHS)) as pool:
        jobs = [pool.submit(pass_by, live.port, path, asked) for path in PATHS]
        until(lambda: len(asked) > 50 or any(job.done() for job in jobs), "nobody passes by")
        yield
    for job in jobs:
        job.result()


def pass_by(port: int, path: str, asked: list[str]) -> None:
    with contextlib.suppress(OSError):
        while True:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
                caller.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                asked.append(path)
                time.sleep(random.uniform(0, 0.05))
