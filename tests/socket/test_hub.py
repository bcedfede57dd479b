"""One hub by itself: what its pages get when several things happen at once, or one of them fails."""

from __future__ import annotations

import asyncio
import json
import math
import threading
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.db import OperationalError
from pytest_django import Settings

from live import database, subscription, topics
from live import hub as hub_module
from live.groups import group_of
from live.hub import Hub
from live.sockets import EXPIRED, Socket, max_age
from live.topics import LAST_VERSION, Event, event, personal_topic

pytestmark = pytest.mark.django_db(transaction=True)
TIMEOUT = 60  # seconds, enough for a busy machine
TYPE = "test"


@pytest.fixture
def resync() -> float:
    """Seconds until the database heals whatever the hub has missed: not in these tests, unless they are about it."""
    return 3600


@pytest.fixture
async def live(resync: float, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(hub_module, "RESYNC", resync)
    made = Hub()
    yield made
    for task in made.tasks:
        task.cancel()


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Declares a type of topics for one test."""

    def use(snapshot: Callable[[list[str]], list[Event]], **more: Any) -> None:
        monkeypatch.setattr(topics, "topic_types", {**topics.topic_types})
        topics.declare(TYPE, snapshot=snapshot, **more)

    return use


class Page:
    """A socket whose frames are kept."""

    def __init__(self, *watched: str, visitor: str | None = None) -> None:
        self.frames: list[dict[str, Any]] = []
        self.socket = Socket(self.send, watched, visitor)

    async def send(self, message: dict[str, Any]) -> None:
        self.frames.append(json.loads(message["text"]))


async def until(live: Hub, condition: Callable[[], object]) -> None:
    """Waits for the hub, as long as all of its tasks are running."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            assert not any(task.done() for task in live.tasks), "a task of the hub has ended"
            await asyncio.sleep(0.001)


async def resting(live: Hub, page: Page) -> None:
    """The hub has just sent a frame, and rests until the next tick."""
    live.take([event("feed", 10, {"n": 10})])
    await until(live, lambda: live.resting and page.frames[-1].get("feed") == {"v": 10, "n": 10})


async def test_the_snapshot_is_read_after_the_subscription_so_nothing_falls_between(
    live: Hub, declare: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def snapshot(keys: list[str]) -> list[Event]:
        steps.append("read")
        return [event(TYPE, 1, {})]

    layer = get_channel_layer()
    group_add = layer.group_add

    async def slow(group: str, channel: str) -> None:
        while live.join_task is None:
            await asyncio.sleep(0)
        await database.read(lambda: None)  # a snapshot that did not wait would be read first
        await group_add(group, channel)
        steps.append(group)

    declare(snapshot)
    monkeypatch.setattr(layer, "group_add", slow)
    monkeypatch.setattr(subscription, "SUBSCRIBE_TIMEOUT", TIMEOUT)
    await live.join(Page(TYPE).socket)
    assert steps.index(group_of(TYPE).name) < steps.index("read") == len(steps) - 1


async def test_an_event_that_arrives_while_the_snapshot_is_read_is_sent(
    live: Hub, declare: Callable[..., None]
) -> None:
    loop = asyncio.get_running_loop()

    async def arrives() -> None:
        live.take([event(TYPE, 2, {})])

    def snapshot(keys: list[str]) -> list[Event]:
        asyncio.run_coroutine_threadsafe(arrives(), loop).result(TIMEOUT)
        return [event(TYPE, 1, {})]

    declare(snapshot)
    page = Page(TYPE)
    await live.join(page.socket)
    await until(live, lambda: page.frames)
    assert page.frames[-1] == {TYPE: {"v": 2}}


async def test_after_an_event_that_cannot_be_read_the_hub_listens_again(
    live: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, layer = Page("feed"), get_channel_layer()
    await live.join(page.socket)
    monkeypatch.setattr(subscription, "SUBSCRIBE_TIMEOUT", 0.1)
    await layer.group_send(group_of("feed").name, {"type": "live.events", "events": [["no event"]]})
    good = {"type": "live.events", "events": [list(event("feed", 99, {}))]}

    async with asyncio.timeout(TIMEOUT):
        while {"feed": {"v": 99}} not in page.frames:
            assert not any(task.done() for task in live.tasks), "the hub listens no longer"
            await layer.group_send(group_of("feed").name, good)  # again: it is lost until the hub has subscribed again
            await asyncio.sleep(0.05)


async def test_after_a_state_that_cannot_be_sent_the_next_tick_is_sent(live: Hub) -> None:
    page = Page("feed")
    await live.join(page.socket)
    live.take([Event("feed", "bad", 1, "\ud800")])
    await until(live, lambda: not live.state.changed)
    live.take([event("feed", 99, {})])
    await until(live, lambda: {"feed": {"v": 99}} in page.frames)


@pytest.mark.parametrize("resync", [0.01])
async def test_after_an_error_of_the_database_the_next_resync_heals(live: Hub, declare: Callable[..., None]) -> None:
    errors: list[Exception] = []
    version = 1

    def snapshot(keys: list[str]) -> list[Event]:
        if errors:
            raise errors.pop()
        return [event(TYPE, version, {})]

    declare(snapshot)
    page = Page(TYPE)
    await live.join(page.socket)
    errors.append(OperationalError("the database is away"))
    version = 2
    await until(live, lambda: {TYPE: {"v": 2}} in page.frames)


async def test_a_topic_that_nobody_watched_while_its_snapshot_was_read_is_read_again(
    live: Hub, declare: Callable[..., None]
) -> None:
    started, finish, versions = threading.Event(), threading.Event(), iter([1, 2])

    def snapshot(keys: list[str]) -> list[Event]:
        version = next(versions)
        started.set()
        assert finish.wait(TIMEOUT)
        return [event(TYPE, version, {})]

    declare(snapshot)
    left, later = Page(TYPE), Page(TYPE)
    joining = asyncio.create_task(live.join(left.socket))
    await until(live, started.is_set)
    live.leave(left.socket)
    live.take([event(TYPE, 2, {})])  # nobody watches it, so it is dropped
    finish.set()
    await joining
    await live.join(later.socket)
    assert next(versions, None) is None, "read again"
    await until(live, lambda: later.frames)
    assert later.frames == [{TYPE: {"v": 2}}]


@pytest.mark.parametrize("resync", [0.01])
async def test_a_resync_reads_all_topics_in_several_queries(
    live: Hub, declare: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def snapshot(keys: list[str]) -> list[Event]:
        read.extend(keys)
        return [event(f"{TYPE}.{key}", 1, {}) for key in keys]

    declare(snapshot)
    monkeypatch.setattr(hub_module, "CHUNK", 2)
    await live.join(Page(*(f"{TYPE}.{number}" for number in range(5))).socket)
    read.clear()
    await until(live, lambda: len(read) >= 15)
    assert set(read) == {"0", "1", "2", "3", "4"}


@pytest.mark.parametrize("resync", [0.01])
async def test_a_resync_reads_only_the_topics_that_have_a_new_version_or_have_ended(
    live: Hub, declare: Callable[..., None]
) -> None:
    now = {"a": 1, "b": 1, "c": 1}
    read: list[str] = []

    def snapshot(keys: list[str]) -> list[Event]:
        read.extend(keys)
        return [event(f"{TYPE}.{key}", now.get(key, LAST_VERSION), {}) for key in keys]

    compared: list[list[str]] = []

    def versions(keys: list[str]) -> dict[str, int]:
        compared.append(keys)
        return {key: now[key] for key in keys if key in now}

    declare(snapshot, versions=versions)
    page = Page(*(f"{TYPE}.{key}" for key in now))
    await live.join(page.socket)
    compared.clear()
    await until(live, lambda: len(compared) > 2)  # the first may have started before the page had joined
    read.clear()
    now["b"] = 2  # its broadcast is lost
    await until(live, lambda: {f"{TYPE}.b": {"v": 2}} in page.frames)
    assert read == ["b"]
    del now["c"]
    await until(live, lambda: {f"{TYPE}.c": {"v": LAST_VERSION}} in page.frames)
    assert read == ["b", "c"], "and not again, although it has no version any more"


@pytest.mark.parametrize("resync", [0.01])
async def test_a_socket_that_is_too_old_is_closed_so_that_its_page_connects_again(live: Hub) -> None:
    closed: list[tuple[str, int]] = []

    def socket(name: str, age: float) -> Socket:
        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.close":
                closed.append((name, message["code"]))

        made = Socket(send, ("feed",))
        made.expires_at = time.monotonic() + age
        return made

    old, young = socket("old", 0), socket("young", 3600)
    for each in (old, young):
        await live.join(each)
    await until(live, lambda: closed)
    assert closed[0] == ("old", EXPIRED) and "young" not in dict(closed)


@pytest.mark.parametrize("resync", [0.01])
async def test_a_socket_that_cannot_be_closed_delays_nobody_and_is_not_closed_twice(
    live: Hub, declare: Callable[..., None]
) -> None:
    version, closing = 1, list[int]()

    async def hang(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            closing.append(message["code"])
            await asyncio.sleep(3600)

    declare(lambda keys: [event(TYPE, version, {})])
    gone, page = Socket(hang, (TYPE,)), Page(TYPE)
    for socket in (gone, page.socket):
        await live.join(socket)
    gone.expires_at = 0
    await until(live, lambda: closing)
    version = 2
    await until(live, lambda: {TYPE: {"v": 2}} in page.frames)
    version = 3
    await until(live, lambda: {TYPE: {"v": 3}} in page.frames)
    assert closing == [EXPIRED]


def test_sockets_that_were_opened_together_do_not_end_together(settings: Settings) -> None:
    settings.SOCKET_MAX_AGE = 1000
    ages = sorted(max_age() for _ in range(1000))
    assert 750 <= ages[0] < 800 and 1200 < ages[-1] <= 1250
    assert max(later - earlier for earlier, later in pairwise(ages)) < 50


def test_without_a_limit_sockets_do_not_end(settings: Settings) -> None:
    settings.SOCKET_MAX_AGE = 0
    assert max_age() == math.inf


async def test_the_outcome_of_a_click_reaches_its_visitor_at_once_and_only_once(live: Hub) -> None:
    page = Page("feed", visitor="v1")
    await live.join(page.socket)
    await resting(live, page)
    live.take([event(personal_topic("v1"), 1, {}, name="like.1", via="feed"), event("feed", 11, {})])
    assert page.frames[-1] == {"like.1": {"v": 1}}, "without waiting for the tick"
    await until(live, lambda: "feed" in page.frames[-1])
    assert page.frames[-1] == {"feed": {"v": 11}}


async def test_visitors_who_join_at_the_same_time_get_only_what_is_theirs(
    live: Hub, declare: Callable[..., None]
) -> None:
    def personal(visitors: list[str], keys: list[str]) -> list[Event]:
        return [event(personal_topic(visitor), 1, {}, name=f"like.{visitor}", via=TYPE) for visitor in visitors]

    declare(lambda keys: [event(f"{TYPE}.{key}", 1, {}) for key in keys], personal=personal)
    pages = [Page(f"{TYPE}.a", visitor="v1"), Page(f"{TYPE}.b", visitor="v2"), Page(f"{TYPE}.b")]
    await asyncio.gather(*(live.join(page.socket) for page in pages))
    await until(live, lambda: all(page.frames for page in pages))
    got = [set().union(*page.frames) for page in pages]
    assert got == [{f"{TYPE}.a", "like.v1"}, {f"{TYPE}.b", "like.v2"}, {f"{TYPE}.b"}]
