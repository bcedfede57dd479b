"""The socket of a page, over the real channel layer: who may watch what, and that the page is always right."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db.backends.signals import connection_created
from django.utils import timezone

from core import visitors
from likes import services, tasks
from likes.models import Post
from likes.services import Click, set_likes
from likes.settling import settle
from live import hub as hub_module
from live import topics
from live.broadcast import GROUP, broadcast
from live.consumer import FORBIDDEN, MALFORMED
from live.sockets import Socket
from live.topics import Event, event
from project.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE = 60  # seconds, for a machine that is very busy


def socket(query: str, *, key: str = "", **headers: str) -> WebsocketCommunicator:
    given = {"host": "testserver", "origin": "http://testserver", **headers}
    if key:
        given["cookie"] = f"{visitors.COOKIE}={visitors.signer.sign(key)}"
    pairs = [(name.encode(), value.encode()) for name, value in given.items()]
    return WebsocketCommunicator(application, f"/live/?{query}", headers=pairs)


@asynccontextmanager
async def watching(query: str, *, key: str = "") -> AsyncIterator[tuple[WebsocketCommunicator, dict[str, Any]]]:
    """A page that watches, with the snapshot it got."""
    communicator = socket(query, key=key)
    connected, _ = await communicator.connect(PATIENCE)
    assert connected
    try:
        yield communicator, await frame(communicator)
    finally:
        await communicator.disconnect(timeout=PATIENCE)


async def frame(communicator: WebsocketCommunicator) -> dict[str, Any]:
    """The next one with news: a heartbeat is an empty frame."""
    while not (got := json.loads(await communicator.receive_from(PATIENCE))):
        pass
    return got


@database_sync_to_async
def like(post: Post, *keys: str, liked: bool = True) -> None:
    """Clicks, settled and pushed by the real task."""
    set_likes(clicks=[Click(post.pk, key, liked, timezone.now()) for key in keys])
    tasks.settle_likes()


async def test_a_page_gets_the_present_state_first(post: Post) -> None:
    await like(post, "v1")
    async with watching(f"topic=post.{post.pk}&topic=feed") as (_, first):
        assert first == {f"post.{post.pk}": {"v": 1, "count": 1}, "feed": {"v": 1, "newest": [post.pk]}}


async def test_a_settled_like_reaches_everyone_with_its_count_and_the_clicker_with_its_journey(post: Post) -> None:
    query = f"topic=post.{post.pk}"
    async with watching(query, key="v1") as (clicker, _), watching(query, key="v2") as (other, _):
        await like(post, "v1")
        assert await frame(other) == {f"post.{post.pk}": {"v": 1, "count": 1}}
        got = await frame(clicker)
        assert got[f"post.{post.pk}"] == {"v": 1, "count": 1}
        saved = got[f"like.{post.pk}"]
        times = [saved["journey"][stage] for stage in ("accepted", "started", "stored", "pushed")]
        assert saved["liked"] is True and times == sorted(times)


async def test_two_tabs_of_one_visitor_are_both_told_again_and_again(post: Post) -> None:
    query = f"topic=post.{post.pk}"
    async with watching(query, key="v1") as (here, _), watching(query, key="v1") as (there, _):
        for liked in (True, False, True):
            await like(post, "v1", liked=liked)
            for tab in (here, there):
                while (await frame(tab)).get(f"like.{post.pk}", {}).get("liked") is not liked:
                    pass


async def test_a_page_is_not_told_of_posts_that_it_does_not_show(post: Post, mina: User) -> None:
    elsewhere = await Post.objects.acreate(author=mina, text="Another")
    async with watching(f"topic=post.{post.pk}") as (page, _):
        await like(elsewhere, "v1")
        await like(post, "v2")
        assert set(await frame(page)) == {f"post.{post.pk}"}


async def test_the_snapshot_of_a_visitor_has_their_own_likes_and_nobody_elses(post: Post) -> None:
    await like(post, "v1")
    async with watching(f"topic=post.{post.pk}", key="v1") as (_, first):
        assert first[f"like.{post.pk}"]["liked"] is True
    async with watching(f"topic=post.{post.pk}", key="v2") as (_, first):
        assert f"like.{post.pk}" not in first
    async with watching(f"topic=post.{post.pk}") as (_, first):
        assert f"like.{post.pk}" not in first


async def test_nobody_can_ask_for_another_visitors_topic(post: Post) -> None:
    communicator = socket("topic=visitor:v1")
    await communicator.connect(PATIENCE)
    assert await communicator.receive_output(PATIENCE) == {
        "type": "websocket.close", "code": MALFORMED, "reason": "No such topic.",
    }  # fmt: skip


async def test_a_guarded_topic_is_refused_before_anything_of_it_is_sent(post: Post) -> None:
    topics.declare("secret", snapshot=lambda keys: [event("secret.1", 1, {})], allows=lambda v, key: v == "v1")
    try:
        stranger = socket("topic=secret.1", key="v2")
        await stranger.connect(PATIENCE)
        assert (await stranger.receive_output(PATIENCE))["code"] == FORBIDDEN
        async with watching("topic=secret.1", key="v1") as (_, first):
            assert first == {"secret.1": {"v": 1}}
    finally:
        del topics.notification_types["secret"]


async def test_an_older_version_never_follows_a_newer_one(post: Post) -> None:
    name = f"post.{post.pk}"
    async with watching(f"topic={name}") as (page, _):
        for version in (3, 1, 2, 3, 4):
            await database_sync_to_async(broadcast)([event(name, version, {"count": version})])
        seen: list[int] = []
        while not seen or seen[-1] < 4:
            seen.append((await frame(page))[name]["v"])
        assert seen == sorted(set(seen))
        assert await page.receive_nothing(0.2)


async def test_a_burst_is_coalesced_first_at_once_last_always(post: Post) -> None:
    name = f"post.{post.pk}"
    async with watching(f"topic={name}") as (page, _):
        burst = [event(name, version, {"count": version}) for version in range(1, 301)]
        for one in burst:
            await get_channel_layer().group_send(GROUP, {"type": "live.events", "events": [list(one)]})
        seen: list[int] = []
        while not seen or seen[-1] < 300:
            seen.append((await frame(page))[name]["count"])
        assert len(seen) < len(burst) / 2, "not one frame for each event"


async def test_one_frame_carries_all_that_changed(mina: User) -> None:
    posts = [await Post.objects.acreate(author=mina, text=str(n)) for n in range(5)]
    async with watching("&".join(f"topic=post.{post.pk}" for post in posts)) as (page, _):
        await database_sync_to_async(broadcast)([event(f"post.{post.pk}", 1, {"count": 1}) for post in posts])
        assert len(await frame(page)) == 5


async def test_a_push_that_was_lost_is_healed_from_the_database(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "RESYNC", 0.2)
    monkeypatch.setattr(tasks, "broadcast", lambda events: False)
    async with watching(f"topic=post.{post.pk}") as (page, _):
        await like(post, "v1")
        assert await frame(page) == {f"post.{post.pk}": {"v": 1, "count": 1}}


async def test_a_quiet_page_hears_heartbeats(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "RESYNC", 0.1)
    async with watching(f"topic=post.{post.pk}") as (page, _):
        assert await page.receive_from(PATIENCE) == "{}"


async def test_a_visitor_who_joins_after_the_outcome_still_gets_the_journey(post: Post) -> None:
    query = f"topic=post.{post.pk}"
    async with watching(query):  # somebody keeps the hub listening
        async with watching(query, key="v2") as (witness, _):
            await like(post, "v1")
            await frame(witness)
        async with watching(query, key="v1") as (_, first):
            assert first[f"like.{post.pk}"]["journey"]["task"] is None


async def test_writing_and_deleting_a_post_is_announced(post: Post, mina: User) -> None:
    name = f"post.{post.pk}"
    async with watching(f"topic=feed&topic={name}") as (page, _):
        new = await database_sync_to_async(services.write_post)(author=mina, text="New")
        assert (await frame(page))["feed"]["newest"] == [new.pk, post.pk]
        await database_sync_to_async(services.delete_post)(post=post)
        assert (await frame(page))[name]["gone"] is True


async def test_a_deleted_post_is_gone_in_the_snapshot_too() -> None:
    async with watching("topic=post.99999") as (_, first):
        assert first["post.99999"]["gone"] is True


async def test_a_slow_page_gets_fewer_frames_with_newer_state_and_holds_up_nobody() -> None:
    slow, gate, got = [], asyncio.Event(), []

    async def stuck(message: dict[str, str]) -> None:
        slow.append(json.loads(message["text"]))
        await gate.wait()

    async def quick(message: dict[str, str]) -> None:
        got.append(json.loads(message["text"]))

    live = hub_module.Hub()
    for send in (stuck, quick):
        await live.join(Socket(send, ("feed",)))
    for version in range(1, 6):
        live.take([Event("feed", "feed", version, str(version))])
        while not got or got[-1]["feed"] != version:
            await asyncio.sleep(0)
    assert len(slow) == 1, "the state that it got when it joined"
    gate.set()
    while slow[-1] != {"feed": 5}:
        await asyncio.sleep(0)
    assert len(slow) == 2
    for task in live.tasks:
        task.cancel()


async def test_a_page_that_leaves_leaves_nothing_behind(post: Post) -> None:
    async with watching(f"topic=post.{post.pk}", key="v1"):
        assert hub_module.hub().pages and hub_module.hub().newest.watchers
    left = hub_module.hub()
    assert not left.pages and not left.newest.watchers and not left.newest.topics and not left.newest.known


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://testserver:81"])
async def test_another_sites_page_gets_no_socket(post: Post, origin: str) -> None:
    connected, _ = await socket("topic=feed", origin=origin).connect(PATIENCE)
    assert not connected


async def test_a_host_that_is_not_ours_gets_no_socket() -> None:
    connected, _ = await socket("topic=feed", host="evil.example", origin="http://evil.example").connect(PATIENCE)
    assert not connected


@pytest.mark.parametrize(
    "query",
    [
        "topic=nothing.1", "topic=post.1;DROP", "topic=post." + "9" * 65, "topic=%00", "topic=post.%F0%9F%92%A9",
        "&".join(f"topic=post.{n}" for n in range(251)), "topic=", "topic=post.1%0d%0a",
    ],
)  # fmt: skip
async def test_a_hostile_query_is_closed_cleanly(query: str, caplog: pytest.LogCaptureFixture) -> None:
    communicator = socket(query)
    await communicator.connect(PATIENCE)
    output = await communicator.receive_output(PATIENCE)
    if query == "topic=":  # browsers drop an empty value, and so do we
        assert output["type"] == "websocket.send"
    else:
        assert (output["type"], output["code"]) == ("websocket.close", MALFORMED)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("sent", [{"text_data": "{"}, {"text_data": "[" * 60_000}, {"bytes_data": b"\xff\x00"}])
async def test_whoever_speaks_is_closed_cleanly_in_one_line(sent: dict, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    communicator = socket("topic=feed")
    await communicator.connect(PATIENCE)
    await communicator.receive_output(PATIENCE)
    await communicator.send_to(**sent)
    assert (await communicator.receive_output(PATIENCE))["code"] == MALFORMED
    assert [record.getMessage() for record in caplog.records].count("socket closed: This socket is read-only.") == 1
    assert not any(record.exc_info for record in caplog.records)


async def test_a_socket_elsewhere_is_refused() -> None:
    connected, _ = await WebsocketCommunicator(application, "/elsewhere/").connect(PATIENCE)
    assert not connected


def test_the_same_state_can_be_read_over_http(client: Any, post: Post) -> None:
    set_likes(clicks=[Click(post.pk, "v1", True, timezone.now())])
    settle()
    client.cookies[visitors.COOKIE] = visitors.signer.sign("v1")
    state = client.get(f"/live/?topic=post.{post.pk}").json()
    assert state[f"post.{post.pk}"] == {"v": 1, "count": 1}
    assert state[f"like.{post.pk}"]["liked"] is True
    assert client.get("/live/?topic=nothing.1").status_code == 400
    assert client.post("/live/").status_code == 405


async def test_a_page_whose_state_cannot_be_read_is_sent_away_to_come_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> list[Event]:
        raise OperationalError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(topics, "states", broken)
        communicator = socket("topic=feed")
        await communicator.connect(PATIENCE)
        assert (await communicator.receive_output(PATIENCE))["code"] == 1000, "the page comes back"
        assert "Traceback" not in caplog.text
    async with watching("topic=feed") as (_, first):
        assert first["feed"]


async def test_reading_for_a_socket_opens_no_connection_for_each_page(post: Post) -> None:
    opened: list[object] = []
    async with watching("topic=feed"):
        pass

    def count(connection: object, **_: Any) -> None:
        opened.append(connection)

    connection_created.connect(count)
    try:
        for _ in range(3):
            async with watching(f"topic=feed&topic=post.{post.pk}", key="v1") as (_page, first):
                assert first["feed"]
    finally:
        connection_created.disconnect(count)
    assert opened == []
