"""What goes on while the processes of a cluster are restarted: clicks, page views and open pages, all through nginx."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.cluster.cluster import Cluster
from tests.faults.visitors import POSTS, Visitor, Visitors

PAGES = 20
PAUSE = 0.2  # seconds between two clicks of a visitor, or two views
VIEWERS = 2


class Clicker(Visitor):
    """Nothing may fail: nginx passes a request that a stopping process has not taken to the other one."""

    def _accepted(self, post_id: int, liked: bool) -> bool:
        response = self.client.post(f"/posts/{post_id}/like/", data={"liked": str(int(liked))})
        assert response.status_code == 202, f"{response.status_code} {response.text[:200]}"
        return True


class Load:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.stop = cluster, threading.Event()
        self.visitors = Visitors(cluster)
        self.visitors.all = [Clicker(cluster, number) for number, _ in enumerate(self.visitors.all)]
        self.views = self.reconnects = 0
        self.errors: list[str] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everything goes on during the block. ``errors`` has what failed."""
        jobs: list[Callable[[], None]] = [partial(self._click, visitor) for visitor in self.visitors.all]
        jobs += [self._view] * VIEWERS + [self._watch] * PAGES
        with ThreadPoolExecutor(len(jobs)) as pool:
            running = [pool.submit(self._recorded, job) for job in jobs]
            try:
                yield
            finally:
                self.stop.set()
        for each in running:
            each.result()

    def _recorded(self, job: Callable[[], None]) -> None:
        while not self.stop.is_set():
            try:
                job()
            except (httpx.HTTPError, AssertionError) as error:
                self.errors.append(repr(error))

    def _click(self, visitor: Visitor) -> None:
        visitor.click(visitor.random.choice(POSTS), visitor.random.random() < 0.6)
        self.stop.wait(PAUSE)

    def _view(self) -> None:
        """A page on a connection of its own."""
        httpx.get(f"{self.cluster.url}/", timeout=60).raise_for_status()
        self.views += 1
        self.stop.wait(PAUSE)

    def _watch(self) -> None:
        """An open page, which connects again when its socket is closed."""
        with suppress(OSError, WebSocketException):
            with connect(f"{self.cluster.url.replace('http', 'ws')}/live/?topic=post.1", ping_interval=None) as page:
                while not self.stop.is_set():
                    with suppress(TimeoutError):
                        page.recv(0.2)
        if not self.stop.is_set():
            self.reconnects += 1
            self.stop.wait(0.5)

    def close(self) -> None:
        self.visitors.close()
