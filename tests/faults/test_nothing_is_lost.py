"""What was answered with 2xx is in the database, whatever dies in the middle, and every page is right again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import httpx
import pytest
from redis import Redis

from tests.faults.crowd import POSTS, Crowd
from tests.faults.watcher import Watcher
from tests.live import Live, until

LIKES_WORKER, EMBEDDED, WEB = "-Q likes", "valkey-server", "live.servers.daphne"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A house of its own, where killing disturbs nobody else."""
    with Live(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.fixture
def crowd(house: Live) -> Iterator[Crowd]:
    until(house.well, "the last fault has not healed")
    people = Crowd(house)
    yield people
    people.leave()


@pytest.fixture
def watcher(house: Live, crowd: Crowd) -> Iterator[Watcher]:
    looking = Watcher(house, POSTS)
    yield looking
    looking.leave()


def kill_the_worker(house: Live) -> None:
    house.kill(LIKES_WORKER)


def kill_the_embedded_server(house: Live) -> None:
    house.kill(EMBEDDED)


def kill_the_web_process(house: Live) -> None:
    house.kill(WEB)


def empty_redis(house: Live) -> None:
    with Redis.from_url(f"unix://{house.env['DATA_DIR']}/redis.sock") as client:
        client.flushall()


def empty_redis_under_a_killed_worker(house: Live) -> None:
    house.kill(LIKES_WORKER)
    empty_redis(house)


def kill_everything(house: Live) -> None:
    for part in (LIKES_WORKER, EMBEDDED, WEB):
        house.kill(part)


FAULTS: list[tuple[Callable[[Live], None], list[str]]] = [
    (kill_the_worker, [LIKES_WORKER]),
    (kill_the_embedded_server, [EMBEDDED]),
    (kill_the_web_process, [WEB]),
    (empty_redis, []),
    (empty_redis_under_a_killed_worker, [LIKES_WORKER]),
    (kill_everything, [LIKES_WORKER, EMBEDDED, WEB]),
]


@pytest.mark.parametrize(("fault", "dead"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_no_accepted_click_is_lost_or_doubled(
    house: Live, crowd: Crowd, watcher: Watcher, fault: Callable[[Live], None], dead: list[str]
) -> None:
    before = {part: house.pids(part) for part in dead}
    with crowd.clicking():
        fault(house)
    crowd.expect_nothing_lost()
    until(lambda: watcher.counts() == crowd.likers(), "the open page is not right again")
    assert (watcher.reopened > 0) == (WEB in dead), "only a dead web process may close a socket"
    until(house.well, "not healthy again")
    for part in dead:
        assert house.pids(part) and not set(house.pids(part)) & set(before[part]), f"{part} is not back"


@contextmanager
def hanging(house: Live) -> Iterator[None]:
    """The embedded server is there and does not answer."""
    [server] = house.pids(EMBEDDED)
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)


def test_clicks_are_answered_while_redis_hangs(house: Live, crowd: Crowd, watcher: Watcher) -> None:
    with hanging(house):
        with crowd.clicking():
            assert httpx.get(f"{house.url}/", timeout=30).is_success
        for visitor in crowd.visitors:
            assert median(visitor.took) < 2
        assert httpx.get(f"{house.url}/healthz/", timeout=30).json()["redis"] != "ok"
        crowd.expect_own_clicks()
        assert crowd.counts() != crowd.likers(), "nothing was owed: Redis did not hang"
        newcomer = Watcher(house, POSTS)
        until(lambda: newcomer.counts() == crowd.counts(), "a page that is opened now shows nothing")
        newcomer.leave()
    crowd.expect_nothing_lost()
    until(lambda: watcher.counts() == crowd.likers(), "the open page is not right again")
    assert watcher.reopened == 0
