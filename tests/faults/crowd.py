"""Visitors who click through HTTP, and the ledger of every click that was accepted."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from tests.live import Live, until

POSTS = (1, 2, 3)  # of the demo
VISITORS = 6
CLICKS = 50  # of each visitor: fewer than the rate limit lets pass in a burst
AFTER = 15  # of these, the last, come when the fault is done
JSON = {"Accept": "application/json"}


class Visitor:
    """Clicks until it is accepted, as a person would, and remembers what was accepted last."""

    def __init__(self, live: Live, number: int) -> None:
        self.client = httpx.Client(base_url=live.url, headers=JSON, timeout=30)
        self.random = random.Random(number)  # noqa: S311
        self.accepted: dict[int, bool] = {}
        self.clicks = 0
        self.took: list[float] = []  # seconds, of every click that was answered

    def click(self, post: int, liked: bool) -> None:
        until(lambda: self._accepted(post, liked), f"a click on {post} was never accepted")
        self.accepted[post] = liked
        self.clicks += 1

    def _accepted(self, post: int, liked: bool) -> bool:
        started = time.monotonic()
        try:
            answer = self.client.post(f"/posts/{post}/like/", data={"liked": str(int(liked))})
        except httpx.TransportError:  # nobody there; it may have been stored or not, so the same click is sent again
            return False
        self.took.append(time.monotonic() - started)
        assert answer.status_code == 202, answer.text
        assert answer.json() == {"post": post, "liked": liked}
        return True

    def click_around(self, fault_done: threading.Event) -> None:
        for left in range(CLICKS, 0, -1):
            if left == AFTER:
                fault_done.wait()
            self.click(self.random.choice(POSTS), self.random.random() < 0.6)

    def sees(self, post: int) -> dict[str, int | bool]:
        return state(self.client, post)


class Crowd:
    def __init__(self, live: Live) -> None:
        self.live = live
        self.visitors = [Visitor(live, number) for number in range(VISITORS)]
        self.before = {post: self.visitors[0].sees(post)["count"] for post in POSTS}

    @contextmanager
    def clicking(self) -> Iterator[None]:
        """All click before, while and after the block runs, which begins when a third of the clicks are accepted."""
        fault_done = threading.Event()
        with ThreadPoolExecutor(VISITORS) as pool:
            work = [pool.submit(visitor.click_around, fault_done) for visitor in self.visitors]
            try:
                until(lambda: self.clicks() > VISITORS * CLICKS / 3 or any(job.done() for job in work), "nobody clicks")
                yield
            finally:
                fault_done.set()
        for job in work:
            job.result()

    def clicks(self) -> int:
        return sum(visitor.clicks for visitor in self.visitors)

    def expect_nothing_lost(self) -> None:
        """Each sees the own last accepted click at once, and each count becomes exactly the number of likers."""
        self.expect_own_clicks()
        until(lambda: self.counts() == self.likers(), lambda: f"counts {self.counts()}, likers {self.likers()}")

    def expect_own_clicks(self) -> None:
        for visitor in self.visitors:
            assert {post: visitor.sees(post)["liked"] for post in visitor.accepted} == visitor.accepted

    def counts(self) -> dict[int, int]:
        return {post: self.visitors[0].sees(post)["count"] for post in POSTS}

    def likers(self) -> dict[int, int]:
        given = {post: sum(visitor.accepted.get(post, False) for visitor in self.visitors) for post in POSTS}
        return {post: self.before[post] + given[post] for post in POSTS}

    def leave(self) -> None:
        for visitor in self.visitors:
            visitor.client.close()


def state(client: httpx.Client, post: int) -> dict[str, int | bool]:
    found: dict[str, int | bool] = client.get(f"/posts/{post}/").raise_for_status().json()
    return found
