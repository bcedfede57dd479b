"""The websocket of the tag: which pages may connect, what they may watch, and that the first like of a page arrives."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator

from embed import keys
from embed.models import Site
from embed.services import import_count
from likes import tasks
from live import hub
from project.asgi import application
from tests.embed.requests import ORIGIN, PAGE, like, pages

pytestmark = pytest.mark.django_db(transaction=True)
TIMEOUT = 60  # seconds, enough for a busy machine
settle = database_sync_to_async(tasks.settle_likes)


def socket(*topics: str, token: str = "", origin: str = ORIGIN, host: str = "testserver") -> WebsocketCommunicator:
    query = urlencode([*(("topic", topic) for topic in topics), ("token", token)])
    headers = [(b"host", host.encode()), *([(b"origin", origin.encode())] if origin else [])]
    return WebsocketCommunicator(application, f"/embed/live/?{query}", headers=headers)


@asynccontextmanager
async def watching(*topics: str, token: str = "") -> AsyncIterator[WebsocketCommunicator]:
    communicator = socket(*topics, token=token)
    assert (await communicator.connect(TIMEOUT))[0]
    try:
        yield communicator
    finally:
        await communicator.disconnect(timeout=TIMEOUT)


async def frame(communicator: WebsocketCommunicator, *names: str) -> dict[str, Any]:
    """The states of the next frame that is not empty, as heartbeats are; of several, until all these names are there:
    the outcome of a click does not wait for the count."""
    got: dict[str, Any] = {}
    while not got or not got.keys() >= {*names}:
        got |= json.loads(await communicator.receive_from(TIMEOUT))
    return got


async def test_the_first_like_of_a_page_reaches_who_watches_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "RESYNC", 600.0)  # only the broadcast can bring it
    topic = f"page.{keys.digest(site.pk, PAGE)}"
    async with watching(topic) as reader:
        assert await frame(reader) == {topic: {"v": 0, "post": None}}
        post_id = (await like()).json["post"]
        assert await frame(reader) == {topic: {"v": 1, "post": post_id}}


async def test_an_imported_count_and_a_like_are_seen_as_one_number(site: Site) -> None:
    await database_sync_to_async(import_count)(site=site, page=PAGE, count=17)
    topic = (await pages(PAGE)).json["pages"][0]["topic"]
    async with watching(topic) as reader:
        assert (await frame(reader))[topic]["count"] == 17
        await like()
        await settle()
        assert (await frame(reader))[topic]["count"] == 18
        await database_sync_to_async(import_count)(site=site, page=PAGE, count=20)
        assert (await frame(reader))[topic]["count"] == 21


async def test_a_settled_like_reaches_all_readers_and_only_its_visitor_learns_that_it_is_saved(site: Site) -> None:
    first = (await like()).json
    topic, saved = first["topic"], f"like.{first['post']}"
    async with watching(topic, token=first["token"]) as clicker, watching(topic) as reader:
        assert (await frame(clicker))[topic]["count"] == (await frame(reader))[topic]["count"] == 0
        await settle()
        got, others = await frame(clicker, topic, saved), await frame(reader)
        assert got[topic] == others[topic] == {"v": 1, "count": 1}
        assert (got[saved]["v"], got[saved]["liked"]) == (1, True) and saved not in others


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://blog.example"},
        {"origin": f"{ORIGIN}:8443"},
        {"host": "evil.example"},
    ],
)
async def test_a_page_that_is_not_listed_cannot_connect(site: Site, headers: dict[str, str]) -> None:
    assert not (await socket("post.1", **headers).connect(TIMEOUT))[0]


async def test_a_token_of_another_site_gets_nothing_personal(site: Site, other_site: Site) -> None:
    elsewhere = (await like("home", origin="https://shop.example")).json
    first = (await like()).json
    async with watching(elsewhere["topic"], first["topic"], token=elsewhere["token"]) as reader:
        await frame(reader)
        await settle()
        assert not any(name.startswith("like.") for name in await frame(reader))


async def test_only_counts_can_be_watched_from_another_site(site: Site) -> None:
    post = (await like()).json
    async with watching("inbox", "bell.1", "feed", "visitor:v1", post["topic"]) as reader:
        assert [*(await frame(reader))] == [post["topic"]]
