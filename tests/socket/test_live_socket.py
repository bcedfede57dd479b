"""The websocket of a page over the real channel layer: who may watch what, and that the page has the current state."""

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
from live.broadcast import broadcast
from live.consumer import MALFORMED
from live.groups import group_of
from live.sockets import FORBIDDEN, Socket
from live.topics import Event, event
from project.asgi import application
from tests.sessions import cookies

pytestmark = pytest.mark.django_db(transaction=True)
TIMEOUT = 60  # seconds, enough for a busy machine


def socket(query: str, *, key: str = "", **headers: str) -> WebsocketCommunicator:
    given = {"host": "testserver", "origin": "http://testserver", **headers}
    if key:
        given["cookie"] = cookies(key)
    pairs = [(name.encode(), value.encode()) for name, value in given.items()]
    return WebsocketCommunicator(application, f"/live/?{query}", headers=pairs)


@asynccontextmanager
async def watching(query: str, *, key: str = "") -> AsyncIterator[tuple[WebsocketCommunicator, dict[str, Any]]]:
    """An open socket and its first frame."""
    communicator = socket(query, key=key)
    connected, _ = await communicator.connect(TIMEOUT)
    assert connected
    try:
        yield communicator, await frame(communicator)
    finally:
        await communicator.disconnect(timeout=TIMEOUT)


async def frame(communicator: WebsocketCommunicator, *names: str) -> dict[str, Any]:
    """The states of the next frame that is not empty, as heartbeats are; of several, until all these names are there:
    the outcome of a click does not wait for the count."""
    got: dict[str, Any] = {}
    while not got or not got.keys() >= {*names}:
        got |= json.loads(await communicator.receive_from(TIMEOUT))
    return got


@database_sync_to_async
def like(post: Post, *keys: str, liked: bool = True) -> None:
    """Clicks, settled and broadcast by the real task."""
    set_likes(clicks=[Click(post.pk, key, liked, timezone.now()) for key in keys])
    tasks.settle_likes()


async def test_the_first_frame_has_the_current_state(post: Post) -> None:
    await like(post, "v1")
    async with watching(f"topic=post.{post.pk}&topic=feed") as (_, first):
        assert first == {f"post.{post.pk}": {"v": 1, "count": 1}, "feed": {"v": 1, "newest": [post.pk]}}


async def test_a_settled_like_reaches_everyone_with_its_count_and_the_clicker_with_its_journey(post: Post) -> None:
    query = f"topic=post.{post.pk}"
    async with watching(query, key="v1") as (clicker, _), watching(query, key="v2") as (other, _):
        await like(post, "v1")
        assert await frame(other) == {f"post.{post.pk}": {"v": 1, "count": 1}}
        got = await frame(clicker, f"post.{post.pk}", f"like.{post.pk}")
        assert got[f"post.{post.pk}"] == {"v": 1, "count": 1}
        saved = got[f"like.{post.pk}"]
        times = [saved["journey"][stage] for stage in ("accepted", "started", "stored", "broadcast")]
        assert saved["liked"] is True and times == sorted(times)


async def test_two_tabs_of_one_visitor_both_get_every_outcome(post: Post) -> None:
    query = f"topic=post.{post.pk}"
    async with watching(query, key="v1") as (here, _), watching(query, key="v1") as (there, _):
        for liked in (True, False, True):
            await like(post, "v1", liked=liked)
            for tab in (here, there):
                while (await frame(tab)).get(f"like.{post.pk}", {}).get("liked") is not liked:
                    pass


async def test_a_page_gets_no_events_of_posts_that_it_does_not_watch(post: Post, mina: User) -> None:
    elsewhere = await Post.objects.acreate(author=mina, text="Another")
    async with watching(f"topic=post.{post.pk}") as (page, _):
        await like(elsewhere, "v1")
        await like(post, "v2")
        assert set(await frame(page)) == {f"post.{post.pk}"}


async def test_the_snapshot_has_the_likes_of_its_visitor_and_no_others(post: Post) -> None:
    await like(post, "v1")
    async with watching(f"topic=post.{post.pk}", key="v1") as (_, first):
        assert first[f"like.{post.pk}"]["liked"] is True
    async with watching(f"topic=post.{post.pk}", key="v2") as (_, first):
        assert f"like.{post.pk}" not in first
    async with watching(f"topic=post.{post.pk}") as (_, first):
        assert f"like.{post.pk}" not in first


async def test_nobody_can_watch_the_topic_of_another_visitor(post: Post) -> None:
    communicator = socket("topic=visitor:v1")
    await communicator.connect(TIMEOUT)
    assert await communicator.receive_output(TIMEOUT) == {
        "type": "websocket.close", "code": MALFORMED, "reason": "No such topic.",
    }  # fmt: skip


async def test_a_topic_that_needs_permission_is_refused_before_any_of_it_is_sent(post: Post) -> None:
    topics.declare("secret", snapshot=lambda keys: [event("secret.1", 1, {})], allows=lambda v, key: v == "v1")
    try:
        stranger = socket("topic=secret.1", key="v2")
        await stranger.connect(TIMEOUT)
        assert (await stranger.receive_output(TIMEOUT))["code"] == FORBIDDEN
        async with watching("topic=secret.1", key="v1") as (_, first):
            assert first == {"secret.1": {"v": 1}}
    finally:
        del topics.topic_types["secret"]


async def test_topics_that_do_not_exist_are_answered_once_and_not_kept(post: Post) -> None:
    invented = [f"post.{post.pk + number}" for number in range(1, 100)] + [f"feed.{number}" for number in range(100)]
    real = f"post.{post.pk}"
    query = "&".join(f"topic={topic}" for topic in [real, *invented])
    async with watching(query, key="v1") as (page, first):
        assert first[f"post.{post.pk + 1}"]["gone"] and first[real]["count"] == 0
        await like(post, "v2")
        assert await frame(page) == {real: {"v": 1, "count": 1}}
        state = hub_module.hub().state
        assert set(state.watchers) == {real, "visitor:v1"} and set(state.topics) == {real}
        await like(post, "v1")
        while (await frame(page)).get(f"like.{post.pk}", {}).get("liked") is not True:
            pass
    assert not hub_module.hub().state.watchers


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


async def test_a_burst_becomes_few_frames_and_the_last_state_is_always_sent(post: Post) -> None:
    name = f"post.{post.pk}"
    async with watching(f"topic={name}") as (page, _):
        burst = [event(name, version, {"count": version}) for version in range(1, 301)]
        for one in burst:
            await get_channel_layer().group_send(group_of(name).name, {"type": "live.events", "events": [list(one)]})
        seen: list[int] = []
        while not seen or seen[-1] < 300:
            seen.append((await frame(page))[name]["count"])
        assert len(seen) < len(burst) / 2, "not one frame for each event"


async def test_one_frame_has_all_changes(mina: User) -> None:
    posts = [await Post.objects.acreate(author=mina, text=str(n)) for n in range(5)]
    async with watching("&".join(f"topic=post.{post.pk}" for post in posts)) as (page, _):
        await database_sync_to_async(broadcast)([event(f"post.{post.pk}", 1, {"count": 1}) for post in posts])
        assert len(await frame(page)) == 5


async def test_after_a_lost_broadcast_the_state_comes_from_the_database(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "RESYNC", 0.2)
    monkeypatch.setattr(tasks, "broadcast", lambda events: False)
    async with watching(f"topic=post.{post.pk}") as (page, _):
        await like(post, "v1")
        assert await frame(page) == {f"post.{post.pk}": {"v": 1, "count": 1}}


async def test_a_page_without_changes_gets_heartbeats(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "RESYNC", 0.1)
    async with watching(f"topic=post.{post.pk}") as (page, _):
        assert await page.receive_from(TIMEOUT) == "{}"


async def test_a_visitor_who_joins_after_the_outcome_still_gets_the_journey(post: Post) -> None:
    query = f"topic=post.{post.pk}"
    async with watching(query):  # keeps the hub subscribed
        async with watching(query, key="v2") as (other, _):
            await like(post, "v1")
            await frame(other)
        async with watching(query, key="v1") as (_, first):
            assert first[f"like.{post.pk}"]["journey"]["task"] is None


async def test_writing_and_deleting_a_post_is_broadcast(post: Post, mina: User) -> None:
    name = f"post.{post.pk}"
    async with watching(f"topic=feed&topic={name}") as (page, _):
        new = await database_sync_to_async(services.write_post)(author=mina, text="New")
        assert (await frame(page))["feed"]["newest"] == [new.pk, post.pk]
        await database_sync_to_async(services.delete_post)(post=post)
        assert (await frame(page))[name]["gone"] is True


async def test_a_deleted_post_is_gone_in_the_snapshot_too() -> None:
    async with watching("topic=post.99999") as (_, first):
        assert first["post.99999"]["gone"] is True


async def test_a_slow_page_gets_fewer_frames_with_newer_state_and_delays_no_other() -> None:
    slow, gate, received = [], asyncio.Event(), []

    async def send_slowly(message: dict[str, str]) -> None:
        slow.append(json.loads(message["text"]))
        await gate.wait()

    async def send_at_once(message: dict[str, str]) -> None:
        received.append(json.loads(message["text"]))

    live = hub_module.Hub()
    for send in (send_slowly, send_at_once):
        await live.join(Socket(send, ("feed",)))
    for version in range(1, 6):
        live.take([Event("feed", "feed", version, str(version))])
        while not received or received[-1]["feed"] != version:
            await asyncio.sleep(0)
    assert len(slow) == 1, "only the state from joining"
    gate.set()
    while slow[-1] != {"feed": 5}:
        await asyncio.sleep(0)
    assert len(slow) == 2
    for task in live.tasks:
        task.cancel()


async def test_a_closed_socket_leaves_nothing_in_the_hub(post: Post) -> None:
    async with watching(f"topic=post.{post.pk}", key="v1"):
        assert hub_module.hub().sockets and hub_module.hub().state.watchers
    hub = hub_module.hub()
    assert not hub.sockets and not hub.state.watchers and not hub.state.topics and not hub.state.known


async def test_a_page_over_http_gets_no_socket_of_a_site_over_https(post: Post) -> None:
    for proto in ("https", "wss"):
        forwarded = {"x-forwarded-proto": proto}
        connected, _ = await socket("topic=feed", origin="http://testserver", **forwarded).connect(TIMEOUT)
        assert not connected
        page = socket("topic=feed", origin="https://testserver", **forwarded)
        assert (await page.connect(TIMEOUT))[0]
        await page.disconnect(timeout=TIMEOUT)


@pytest.mark.parametrize("origin", ["http://evil.example", "http://eviltestserver", "null", "http://testserver:81"])
async def test_a_page_of_another_site_gets_no_socket(post: Post, origin: str) -> None:
    connected, _ = await socket("topic=feed", origin=origin).connect(TIMEOUT)
    assert not connected


async def test_an_unknown_host_gets_no_socket() -> None:
    connected, _ = await socket("topic=feed", host="evil.example", origin="http://evil.example").connect(TIMEOUT)
    assert not connected


@pytest.mark.parametrize(
    "query",
    [
        "topic=nothing.1", "topic=post.1;DROP", "topic=post." + "9" * 65, "topic=%00", "topic=post.%F0%9F%92%A9",
        "&".join(f"topic=post.{n}" for n in range(251)), "topic=", "topic=post.1%0d%0a",
    ],
)  # fmt: skip
async def test_a_malformed_query_closes_the_socket_without_a_traceback(
    query: str, caplog: pytest.LogCaptureFixture
) -> None:
    communicator = socket(query)
    await communicator.connect(TIMEOUT)
    output = await communicator.receive_output(TIMEOUT)
    if query == "topic=":  # an empty value is ignored
        assert output["type"] == "websocket.send"
    else:
        assert (output["type"], output["code"]) == ("websocket.close", MALFORMED)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("sent", [{"text_data": "{"}, {"text_data": "[" * 60_000}, {"bytes_data": b"\xff\x00"}])
async def test_a_client_that_sends_something_is_closed_and_logged_in_one_line(
    sent: dict, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    communicator = socket("topic=feed")
    await communicator.connect(TIMEOUT)
    await communicator.receive_output(TIMEOUT)
    await communicator.send_to(**sent)
    assert (await communicator.receive_output(TIMEOUT))["code"] == MALFORMED
    assert [record.getMessage() for record in caplog.records].count("socket closed: This socket is read-only.") == 1
    assert not any(record.exc_info for record in caplog.records)


async def test_a_socket_at_another_path_is_refused() -> None:
    connected, _ = await WebsocketCommunicator(application, "/elsewhere/").connect(TIMEOUT)
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


async def test_a_socket_is_closed_to_reconnect_if_the_database_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> list[Event]:
        raise OperationalError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(topics, "states", broken)
        communicator = socket("topic=feed")
        await communicator.connect(TIMEOUT)
        assert (await communicator.receive_output(TIMEOUT))["code"] == 1000, "the page reconnects"
        assert "Traceback" not in caplog.text
    async with watching("topic=feed") as (_, first):
        assert first["feed"]


async def test_sockets_share_one_database_connection(post: Post) -> None:
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
