"""Clients that request a page and disconnect before the response."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.live import Live, until

PATHS = ("/healthz/", "/livez/", "/", "/posts/1/", "/feedback/")


@contextmanager
def disconnecting_clients(live: Live) -> Iterator[None]:
    """The block starts after 50 such requests and must stop the server: the clients go on until then."""
    requested: list[str] = []
    with ThreadPoolExecutor(len(PATHS)) as pool:
        jobs = [pool.submit(request_and_disconnect, live.port, path, requested) for path in PATHS]
        until(lambda: len(requested) > 50 or any(job.done() for job in jobs), "no client connects")
        yield
    for job in jobs:
        job.result()


def request_and_disconnect(port: int, path: str, requested: list[str]) -> None:
    with contextlib.suppress(OSError):
        while True:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                requested.append(path)
                time.sleep(random.uniform(0, 0.05))
