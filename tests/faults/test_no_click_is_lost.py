"""A click with a 2xx response is in the database, whatever is killed, and each open page gets the final counts."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import httpx
import pytest
from redis import Redis

from tests.faults.page import Page
from tests.faults.visitors import POSTS, Visitors
from tests.live import Live, until

LIKES_WORKER, REDIS, WEB = "-Q likes", "valkey-server", "live.servers.daphne"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A site for these tests alone, because they kill its processes."""
    with Live(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.fixture
def visitors(site: Live) -> Iterator[Visitors]:
    until(site.is_healthy, "the site has not recovered from the last fault")
    clicking = Visitors(site)
    yield clicking
    clicking.close()


@pytest.fixture
def page(site: Live, visitors: Visitors) -> Iterator[Page]:
    opened = Page(site, POSTS)
    yield opened
    opened.close()


def kill_the_worker(site: Live) -> None:
    site.kill(LIKES_WORKER)


def kill_redis(site: Live) -> None:
    site.kill(REDIS)


def kill_the_web_process(site: Live) -> None:
    site.kill(WEB)


def empty_redis(site: Live) -> None:
    with Redis.from_url(f"unix://{site.env['DATA_DIR']}/redis.sock") as client:
        client.flushall()


def kill_the_worker_and_empty_redis(site: Live) -> None:
    site.kill(LIKES_WORKER)
    empty_redis(site)


def kill_everything(site: Live) -> None:
    for part in (LIKES_WORKER, REDIS, WEB):
        site.kill(part)


FAULTS: list[tuple[Callable[[Live], None], list[str]]] = [
    (kill_the_worker, [LIKES_WORKER]),
    (kill_redis, [REDIS]),
    (kill_the_web_process, [WEB]),
    (empty_redis, []),
    (kill_the_worker_and_empty_redis, [LIKES_WORKER]),
    (kill_everything, [LIKES_WORKER, REDIS, WEB]),
]


@pytest.mark.parametrize(("fault", "killed"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_no_accepted_click_is_lost_or_doubled(
    site: Live, visitors: Visitors, page: Page, fault: Callable[[Live], None], killed: list[str]
) -> None:
    before = {part: site.pids(part) for part in killed}
    with visitors.clicking():
        fault(site)
    visitors.expect_nothing_lost()
    until(lambda: page.counts() == visitors.likes(), "the open page has not got the final counts")
    if WEB in killed:  # the final counts may have been there before
        until(lambda: page.counts() and page.reconnects, "the page has not noticed that the web process was killed")
    else:
        assert page.reconnects == 0, "only a killed web process closes a socket"
    until(site.is_healthy, "not healthy again")
    for part in killed:
        assert site.pids(part) and not set(site.pids(part)) & set(before[part]), f"{part} was not started again"


@contextmanager
def hanging_redis(site: Live) -> Iterator[None]:
    """Redis is stopped: it accepts connections and does not respond."""
    [redis] = site.pids(REDIS)
    os.kill(redis, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(redis, signal.SIGCONT)


def test_clicks_get_responses_while_redis_hangs(site: Live, visitors: Visitors, page: Page) -> None:
    with hanging_redis(site):
        with visitors.clicking():
            assert httpx.get(f"{site.url}/", timeout=30).is_success
        for visitor in visitors.all:
            assert median(visitor.response_times) < 2
        assert httpx.get(f"{site.url}/healthz/", timeout=30).json()["redis"] != "ok"
        visitors.expect_accepted_clicks()
        assert visitors.counts() != visitors.likes(), "nothing was pending: Redis did not hang"
        new_page = Page(site, POSTS)
        until(lambda: new_page.counts() == visitors.counts(), "a page that is opened now has no counts")
        new_page.close()
    visitors.expect_nothing_lost()
    until(lambda: page.counts() == visitors.likes(), "the open page has not got the final counts")
    assert page.reconnects == 0
