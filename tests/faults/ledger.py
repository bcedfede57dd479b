"""What a fault did to a site: visitors who click all the time, open pages, and a log of /healthz/."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import NamedTuple

import httpx
from redis import Redis, RedisError

from tests.faults.page import Page
from tests.faults.visitors import JSON, POSTS, Visitor, Visitors, state
from tests.live import Live, until

PAUSE = 0.3  # seconds between two clicks of a visitor, and between two attempts of one
PAGES = 3
QUEUES = ("likes", "mail", "deliveries")
BUCKETS = ("", "\x06\x163", "\x06\x166", "\x06\x169")  # what Celery appends for the priorities


class Row(NamedTuple):
    """One line of the table. Times in seconds; ``red_after`` and ``green_after`` are counted from the start and the end
    of the fault, and are -1 if health stayed green."""

    fault: str
    clicks: int
    refused: int  # with 429 or 503: the visitor sees a sentence and may try again
    lost: int  # accepted clicks that the database does not have
    wrong: int  # counts of pages and posts that differ from the ledger at the end
    pause: float  # the longest time without an accepted click
    unsettled: float  # the longest time in which no count changed, from the first click to the last
    settled_after: float  # since the last click, until every count was right
    slowest_health: float
    red_after: float
    green_after: float
    log: float  # kB a minute
    queue: int  # the longest that was seen


class Clicker(Visitor):
    """Repeats a click for as long as it is refused or not answered, like the script of the page."""

    refused = 0

    def _accepted(self, post_id: int, liked: bool) -> bool:
        try:
            response = self.client.post(f"/posts/{post_id}/like/", data={"liked": str(int(liked))})
        except httpx.TransportError:
            response = None
        if response is not None and response.status_code == 202:
            return True
        if response is not None:
            assert response.status_code in (429, 503), f"{response.status_code} {response.text[:200]}"
            self.refused += 1
        time.sleep(PAUSE)
        return False


class HealthLog:
    """Asks /healthz/ and the queues twice a second."""

    def __init__(self, site: Live) -> None:
        self.site, self.answers, self.deepest = site, list[tuple[float, float, bool, str]](), 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self.ended.wait(0.5):
                started = time.monotonic()
                try:
                    response = client.get(f"{self.site.url}/healthz/")
                    healthy, text = response.is_success, response.text
                except httpx.TransportError as error:
                    healthy, text = False, repr(error)
                self.answers.append((started, time.monotonic() - started, healthy, text))
                self.deepest = max(self.deepest, self._depth())

    def _depth(self) -> int:
        url = self.site.env.get("REDIS_URL") or f"unix://{self.site.env['DATA_DIR']}/redis.sock"
        with suppress(RedisError, OSError), Redis.from_url(url, socket_timeout=1) as client:
            return sum(int(str(client.llen(f"{name}{bucket}"))) for name in QUEUES for bucket in BUCKETS)
        return 0

    def first(self, *, healthy: bool, after: float) -> float:
        """Seconds after this time at which an answer said so first; -1 if none did."""
        return next(
            (round(started - after, 1) for started, _, was, _ in self.answers if was == healthy and started > after), -1
        )

    def close(self) -> None:
        self.ended.set()
        self.thread.join()


class SettledLog:
    """Reads the posts four times a second: when was a like settled?"""

    def __init__(self, site: Live) -> None:
        self.site, self.changed_at, self.versions = site, [time.monotonic()], list[object]()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        with httpx.Client(base_url=self.site.url, headers=JSON, timeout=30) as client:
            while not self.ended.wait(0.25):
                with suppress(httpx.HTTPError):
                    versions: list[object] = [state(client, post)["version"] for post in POSTS]
                    if versions != self.versions:
                        self.versions = versions
                        self.changed_at.append(time.monotonic())

    def longest(self, end: float) -> float:
        """Seconds between two changes; ``end`` is the time of the last click."""
        moments = [*(at for at in self.changed_at if at < end), end]
        return max(b - a for a, b in zip(moments, moments[1:], strict=False))

    def close(self) -> None:
        self.ended.set()
        self.thread.join()


class Ledger:
    def __init__(self, site: Live) -> None:
        self.site, self.visitors = site, Visitors(site)
        self.visitors.all = [Clicker(site, number) for number, _ in enumerate(self.visitors.all)]
        self.pages = [Page(site, POSTS) for _ in range(PAGES)]
        self.health, self.settled, self.accepted_at = HealthLog(site), SettledLog(site), [time.monotonic()]
        self.log_before, self.began = len(site.output()), time.monotonic()

    @contextmanager
    def clicking(self) -> Iterator[None]:
        ended = threading.Event()

        def click(visitor: Visitor) -> None:
            choice = random.Random(id(visitor))  # noqa: S311
            while not ended.wait(PAUSE):
                visitor.click(choice.choice(POSTS), choice.random() < 0.6)
                self.accepted_at.append(time.monotonic())

        with ThreadPoolExecutor(len(self.visitors.all)) as pool:
            jobs = [pool.submit(click, visitor) for visitor in self.visitors.all]
            try:
                yield
            finally:
                ended.set()
        for job in jobs:
            job.result()

    def wrong_counts(self) -> int:
        expected = self.visitors.likes()
        shown = [self.visitors.counts(), *(page.counts() for page in self.pages)]
        return sum(counts[post] != expected[post] for counts in shown for post in POSTS)

    def row(self, fault: str, begun: float, ended: float) -> Row:
        """Waits until every count is right and health is green, at most a minute each."""
        calm = time.monotonic()
        with suppress(AssertionError):
            until(lambda: self.wrong_counts() == 0, "")
        settled = time.monotonic()
        with suppress(AssertionError):
            until(self.site.is_healthy, "")
        self.health.close()
        self.settled.close()
        moments = [*self.accepted_at, *([ended] if self.accepted_at[-1] < ended else [])]
        pause = max(b - a for a, b in zip(moments, moments[1:], strict=False)) if len(moments) > 1 else 0.0
        red = self.health.first(healthy=False, after=begun)
        last_red = max((started for started, _, healthy, _ in self.health.answers if not healthy), default=0.0)
        minutes = (time.monotonic() - self.began) / 60
        return Row(
            fault=fault,
            clicks=self.visitors.clicks(),
            refused=sum(visitor.refused for visitor in self.visitors.all if isinstance(visitor, Clicker)),
            lost=self.lost(),
            wrong=self.wrong_counts(),
            pause=round(pause, 1),
            unsettled=round(self.settled.longest(calm), 1),
            settled_after=round(settled - calm, 1),
            slowest_health=round(max(took for _, took, _, _ in self.health.answers), 1),
            red_after=red,
            green_after=round(max(0.0, last_red - ended), 1) if red >= 0 else -1,
            log=round((len(self.site.output()) - self.log_before) / 1000 / minutes, 1),
            queue=self.health.deepest,
        )

    def lost(self) -> int:
        return sum(
            bool(visitor.state_of(post)["liked"]) != liked
            for visitor in self.visitors.all
            for post, liked in visitor.accepted.items()
        )

    def close(self) -> None:
        for page in self.pages:
            page.close()
        self.visitors.close()
