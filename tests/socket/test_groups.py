"""Sharded broadcasts: a web process receives the groups that its pages need, and misses nothing of them."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from channels.layers import get_channel_layer
from pytest_django import Settings
from redis import Redis

from core.redis import redis
from live import broadcast as broadcast_module
from live import hub as hub_module
from live import subscription, topics
from live.broadcast import broadcast, close_sockets
from live.groups import EVERYBODY, group_of
from live.hub import Hub
from live.sockets import Socket
from live.topics import Event, event, personal_topic
from project import redis_server
from tests.live import until as wait_until

TIMEOUT = 60  # seconds, enough for a busy machine
TYPE = "test"
PREFIX = "asgi__group__"  # of channels_redis


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The state of all topics, as a database would have it."""
    found: dict[str, int] = {}
    monkeypatch.setattr(topics, "topic_types", {**topics.topic_types})
    topics.declare(TYPE, snapshot=lambda keys: [event(f"{TYPE}.{key}", found.get(key, 0), {}) for key in keys])
    return found


@asynccontextmanager
async def running(monkeypatch: pytest.MonkeyPatch, *, resync: float = 3600) -> AsyncIterator[Hub]:
    monkeypatch.setattr(hub_module, "RESYNC", resync)
    live = Hub()
    try:
        yield live
    finally:
        for task in live.tasks:
            task.cancel()
        for each in live.subscriptions:
            await each.layer.flush()


class Page:
    """A socket whose newest states are kept."""

    def __init__(self, *watched: str, visitor: str | None = None) -> None:
        self.states: dict[str, int] = {}
        self.closed: list[int] = []
        self.socket = Socket(self.send, watched, visitor)

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            self.closed.append(message["code"])
        else:
            self.states |= {name: state["v"] for name, state in json.loads(message["text"]).items()}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.005)


def joined(client: Redis | None = None) -> set[str]:
    """The groups that anybody has joined, as Redis knows it."""
    channels = cast(list[bytes], (client or redis()).pubsub_channels(f"{PREFIX}*"))
    return {channel.decode().removeprefix(PREFIX) for channel in channels}


def names(*watched: str) -> set[str]:
    return {group_of(topic).name for topic in watched}


async def send(*events: Event) -> bool:
    return await asyncio.to_thread(broadcast, events)


async def test_a_web_process_joins_the_groups_of_its_pages_and_no_others(
    versions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(monkeypatch) as live:
        await until(lambda: joined() == {EVERYBODY})
        await live.join(Page(f"{TYPE}.1", visitor="v1").socket)
        assert joined() == {EVERYBODY} | names(f"{TYPE}.1")
        await live.join(Page(f"{TYPE}.1", f"{TYPE}.2").socket)
        assert joined() == {EVERYBODY} | names(f"{TYPE}.1", f"{TYPE}.2")


async def test_what_only_other_processes_need_does_not_arrive(
    versions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = f"{TYPE}.1", f"{TYPE}.2"
    assert group_of(here) != group_of(elsewhere)
    received: list[str] = []
    take = Hub.take

    def record(self: Hub, events: Any) -> None:
        listed = [*events]
        received.extend(each.topic for each in listed)
        take(self, listed)

    monkeypatch.setattr(Hub, "take", record)
    async with running(monkeypatch) as live:
        page = Page(here)
        await live.join(page.socket)
        received.clear()
        assert await send(event(elsewhere, 1, {})) and await send(event(here, 1, {}))
        await until(lambda: page.states[here] == 1)
        assert received == [here]


async def test_the_outcome_of_a_click_comes_with_its_post_to_its_visitor_alone(
    versions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = f"{TYPE}.1"
    async with running(monkeypatch) as live:
        clicker, other = Page(topic, visitor="v1"), Page(topic, visitor="v2")
        for page in (clicker, other):
            await live.join(page.socket)
        assert joined() == {EVERYBODY} | names(topic)
        await send(event(personal_topic("v1"), 1, {}, name="like.1", via=topic))
        await send(event(topic, 1, {}))
        await until(lambda: "like.1" in clicker.states and other.states[topic] == 1)
        assert "like.1" not in other.states


def test_an_event_of_one_visitor_without_the_topic_of_its_pages_is_refused() -> None:
    with pytest.raises(ValueError, match="needs via="):
        event(personal_topic("v1"), 1, {}, name="like.1")


async def test_a_group_is_left_when_no_page_has_needed_it_for_some_time(
    versions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "LEAVE_AFTER", 0.2)
    async with running(monkeypatch, resync=0.02) as live:
        stays, leaves = Page(f"{TYPE}.1"), Page(f"{TYPE}.2")
        for page in (stays, leaves):
            await live.join(page.socket)
        live.leave(leaves.socket)
        await until(lambda: joined() == {EVERYBODY} | names(f"{TYPE}.1"))
        await live.join(leaves.socket)
        await send(event(f"{TYPE}.1", 1, {}), event(f"{TYPE}.2", 1, {}))
        await until(lambda: stays.states[f"{TYPE}.1"] == leaves.states[f"{TYPE}.2"] == 1)


async def test_a_page_that_is_loaded_again_finds_its_group_still_joined(
    versions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(monkeypatch, resync=0.01) as live:
        page = Page(f"{TYPE}.1")
        await live.join(page.socket)
        live.leave(page.socket)
        aligned: list[float] = []
        align = live.subscriptions[0].align

        async def count() -> None:
            await align()
            aligned.append(1)

        monkeypatch.setattr(live.subscriptions[0], "align", count)
        await until(lambda: len(aligned) > 5)
        assert joined() == {EVERYBODY} | names(f"{TYPE}.1")


@pytest.mark.parametrize("seed", [1, 4, 12, 17, 23])  # on a busy machine each of them once missed a change
async def test_pages_that_come_and_go_while_topics_change_miss_nothing(
    seed: int, versions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only broadcasts and the snapshots at joining: there is no resync. Without it, a change must wait until Redis has
    read the subscriptions that were sent before: it reads connections in any order, so the broadcast may come first."""
    chosen = random.Random(seed)
    monkeypatch.setattr(subscription, "LEAVE_AFTER", 0.0)
    monkeypatch.setattr(subscription, "SUBSCRIBE_TIMEOUT", TIMEOUT)
    monkeypatch.setattr(broadcast_module, "TIMEOUT", TIMEOUT)
    pages: list[Page] = []
    async with running(monkeypatch) as live:
        joining: list[asyncio.Task[None]] = []
        for _ in range(150):
            key = str(chosen.randrange(20))
            match chosen.choice(["change", "change", "join", "leave", "align"]):
                case "change":
                    await until(lambda: joined() >= live.subscriptions[0].joined.keys())
                    versions[key] = versions.get(key, 0) + 1
                    assert await send(event(f"{TYPE}.{key}", versions[key], {}))
                case "join":
                    pages.append(Page(f"{TYPE}.{key}"))
                    joining.append(asyncio.create_task(live.join(pages[-1].socket)))
                case "leave" if pages:
                    live.leave(pages.pop(chosen.randrange(len(pages))).socket)
                case "align":
                    joining.append(asyncio.create_task(live.subscriptions[0].align()))
        await asyncio.gather(*joining)
        shown = lambda: [page.states == {t: versions.get(t[5:], 0) for t in page.socket.topics} for page in pages]  # noqa: E731
        await until(lambda: all(shown()))
        assert pages and len(names(*(f"{TYPE}.{key}" for key in range(20)))) > 10


async def test_with_a_new_connection_all_groups_are_joined_again(
    versions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = [f"{TYPE}.{number}" for number in range(10)]
    async with running(monkeypatch) as live:
        page, [connection] = Page(*watched), live.subscriptions
        await live.join(page.socket)
        lost = connection.channel
        await get_channel_layer().group_send(EVERYBODY, {"type": "live.events", "events": [["no event"]]})
        await until(lambda: connection.channel not in ("", lost) and joined() == {EVERYBODY} | names(*watched))
        await send(*(event(topic, 7, {}) for topic in watched))
        await until(lambda: set(page.states.values()) == {7})


async def test_without_redis_a_page_waits_once_and_the_others_not_at_all(
    versions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SUBSCRIBE_TIMEOUT", 0.2)
    added: list[str] = []

    async def hang(group: str, channel: str) -> None:
        added.append(group)
        await asyncio.sleep(3600)

    monkeypatch.setattr(get_channel_layer(), "group_add", hang)
    async with running(monkeypatch) as live:
        first, second = Page(f"{TYPE}.1"), Page(f"{TYPE}.2")
        for page in (first, second):
            await live.join(page.socket)
        await until(lambda: first.states and second.states)
        assert added == [EVERYBODY], "and they have their snapshots"
        assert live.subscriptions[0].away


async def test_all_sockets_are_closed_whatever_they_watch(
    versions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(monkeypatch) as live:
        pages = [Page(f"{TYPE}.{number}") for number in range(5)]
        for page in pages:
            await live.join(page.socket)
        assert await asyncio.to_thread(close_sockets)
        await until(lambda: all(page.closed == [1013] for page in pages))


@pytest.fixture
def second_server(tmp_path: Path, settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Another Redis, which carries every second group."""
    env = {**os.environ, "DATA_DIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-m", "project.redis_server"], env=env)
    layer = settings.CHANNEL_LAYERS["default"]
    path = redis_server.socket_path(tmp_path)
    wait_until(path.exists, "the second server did not start")
    host = {"address": f"unix://{path}"}
    settings.CHANNEL_LAYERS = {"default": layer, "server1": {**layer, "CONFIG": {"hosts": [host]}}}
    group_of.cache_clear()
    yield process
    process.kill()
    process.wait(60)
    group_of.cache_clear()


async def test_two_servers_share_the_groups_and_one_goes_on_without_the_other(
    versions: dict[str, int], second_server: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Redis.from_url(f"unix://{redis_server.socket_path(tmp_path)}")
    watched = [f"{TYPE}.{number}" for number in range(10)]
    by_server = {server: [t for t in watched if group_of(t).server == server] for server in ("default", "server1")}
    async with running(monkeypatch) as live:
        page = Page(*watched)
        await live.join(page.socket)
        await until(lambda: joined(other) == {EVERYBODY} | names(*by_server["server1"]))
        assert joined() == {EVERYBODY} | names(*by_server["default"])
        assert await send(*(event(topic, 1, {}) for topic in watched))
        await until(lambda: set(page.states.values()) == {1})

        second_server.kill()
        second_server.wait(60)
        assert not await send(*(event(topic, 2, {}) for topic in watched))
        await until(lambda: all(page.states[topic] == 2 for topic in by_server["default"]))
        assert {page.states[topic] for topic in by_server["server1"]} == {1}


async def test_events_of_several_groups_are_one_message_to_everybody(
    versions: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[int] = []
    take = Hub._receive

    async def record(self: Hub, message: dict[str, Any]) -> None:
        if message["events"]:
            received.append(len(message["events"]))
        await take(self, message)

    monkeypatch.setattr(Hub, "_receive", record)
    topic, *others = (f"{TYPE}.{number}" for number in range(10))
    async with running(monkeypatch) as live:
        page = Page(topic)
        await live.join(page.socket)
        await send(*(event(each, 1, {}) for each in (topic, *others)))
        await until(lambda: page.states[topic] == 1)
        await send(event(others[0], 2, {}))
        await send(event(topic, 2, {}), event(personal_topic("v1"), 1, {}, name="like.1", via=topic))
        await until(lambda: page.states[topic] == 2)
        assert received == [10, 2]


async def test_a_subscription_can_be_ended_while_it_closes_its_connection(
    monkeypatch: pytest.MonkeyPatch, versions: dict[str, int]
) -> None:
    async with running(monkeypatch) as live:
        [each] = live.subscriptions
        await asyncio.wait_for(each.subscribed.wait(), TIMEOUT)
        closing = asyncio.create_task(each._close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(closing, TIMEOUT)


async def test_a_subscription_ends_whenever_it_is_cancelled_while_it_connects(versions: dict[str, int]) -> None:
    for moment in range(100):
        live = Hub()
        await asyncio.sleep(moment * 0.00005)  # seconds
        for task in live.tasks:
            task.cancel()
        _, pending = await asyncio.wait(live.tasks, timeout=TIMEOUT)
        assert not pending, f"cancelled after {moment * 0.05} ms"
        for each in live.subscriptions:
            await each.layer.flush()
