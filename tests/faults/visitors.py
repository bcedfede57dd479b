"""Visitors who click over HTTP, and a record of each click that was accepted."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from tests.live import Site, until

POSTS = (1, 2, 3)  # of the demo
VISITORS = 6
CLICKS = 50  # of each visitor: fewer than the rate limit lets pass in a burst
CLICKS_AFTER = 15  # the last of these, made after the fault
JSON = {"Accept": "application/json"}


class Visitor:
    """Repeats a click until it is accepted, as a person would, and records the last one accepted for each post."""

    def __init__(self, live: Site, number: int) -> None:
        self.client = httpx.Client(base_url=live.url, headers=JSON, timeout=30)
        self.random = random.Random(number)  # noqa: S311
        self.accepted: dict[int, bool] = {}
        self.may_be_refused = False  # with 503, while the database is locked
        self.clicks = 0
        self.response_times: list[float] = []  # seconds, of each click with a response

    def click(self, post_id: int, liked: bool) -> None:
        until(lambda: self._accepted(post_id, liked), f"a click on {post_id} was never accepted")
        self.accepted[post_id] = liked
        self.clicks += 1

    def _accepted(self, post_id: int, liked: bool) -> bool:
        started = time.monotonic()
        try:
            response = self.client.post(f"/posts/{post_id}/like/", data={"liked": str(int(liked))})
        except httpx.TransportError:  # it may have been stored or not: the same click is sent again
            return False
        self.response_times.append(time.monotonic() - started)
        if self.may_be_refused and response.status_code == 503:
            return False
        assert response.status_code == 202, response.text
        assert response.json() == {"post": post_id, "liked": liked}
        return True

    def click_at_random(self, fault_done: threading.Event) -> None:
        for left in range(CLICKS, 0, -1):
            if left == CLICKS_AFTER:
                fault_done.wait()
            self.click(self.random.choice(POSTS), self.random.random() < 0.6)

    def state_of(self, post_id: int) -> dict[str, int | bool]:
        return state(self.client, post_id)


class Visitors:
    def __init__(self, live: Site) -> None:
        self.live = live
        self.all = [Visitor(live, number) for number in range(VISITORS)]
        self.before = {post: self.all[0].state_of(post)["count"] for post in POSTS}

    @contextmanager
    def clicking(self) -> Iterator[None]:
        """All visitors click before, during and after the block, which starts after a third of the clicks."""
        fault_done = threading.Event()
        with ThreadPoolExecutor(VISITORS) as pool:
            jobs = [pool.submit(visitor.click_at_random, fault_done) for visitor in self.all]
            try:
                until(lambda: self.clicks() > VISITORS * CLICKS / 3 or any(job.done() for job in jobs), "nobody clicks")
                yield
            finally:
                fault_done.set()
        for job in jobs:
            job.result()

    def clicks(self) -> int:
        return sum(visitor.clicks for visitor in self.all)

    def expect_nothing_lost(self) -> None:
        """Each visitor sees their last accepted click at once, and each count becomes the number of likes."""
        self.expect_accepted_clicks()
        until(lambda: self.counts() == self.likes(), lambda: f"counts {self.counts()}, likes {self.likes()}")

    def expect_accepted_clicks(self) -> None:
        for visitor in self.all:
            assert {post: visitor.state_of(post)["liked"] for post in visitor.accepted} == visitor.accepted

    def counts(self) -> dict[int, int]:
        return {post: self.all[0].state_of(post)["count"] for post in POSTS}

    def likes(self) -> dict[int, int]:
        new_likes = {post: sum(visitor.accepted.get(post, False) for visitor in self.all) for post in POSTS}
        return {post: self.before[post] + new_likes[post] for post in POSTS}

    def close(self) -> None:
        for visitor in self.all:
            visitor.client.close()


def state(client: httpx.Client, post_id: int) -> dict[str, int | bool]:
    found: dict[str, int | bool] = client.get(f"/posts/{post_id}/").raise_for_status().json()
    return found
