"""The bell over the real channel layer: who may watch it, and that it always ends with the exact number."""

from __future__ import annotations

from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from likes.models import Post
from live import hub as hub_module
from live.broadcast import broadcast
from live.consumer import FORBIDDEN
from notifications import services
from notifications.bell import bell_of
from tests.socket.test_live_socket import PATIENCE, frame, like, socket, watching

pytestmark = pytest.mark.django_db(transaction=True)
look = database_sync_to_async(services.look)


async def bell(communicator: Any, name: str) -> dict[str, Any]:
    """The next frame that has the bell in it."""
    while True:
        if name in (state := await frame(communicator)):
            return state[name]


async def test_a_settled_like_rings_and_a_look_silences_all_tabs(post: Post, mina: User) -> None:
    name = f"bell.{mina.pk}"
    async with watching(f"topic={name}", key=f"u{mina.pk}") as (one, first):
        async with watching(f"topic={name}", key=f"u{mina.pk}") as (two, _):
            assert first[name] == {"v": 0, "unread": 0}
            await like(post, "v1", "v2")
            assert (await bell(one, name))["unread"] == (await bell(two, name))["unread"] == 1
            await look(user=mina.pk)
            assert (await bell(one, name))["unread"] == (await bell(two, name))["unread"] == 0
            await like(post, "v3")
            assert (await bell(two, name))["unread"] == 1


@pytest.mark.parametrize("key", ["", "v1", "u0", "u", "u1x"])
async def test_nobody_watches_anothers_bell(mina: User, jun: User, key: str) -> None:
    for visitor in (key, f"u{jun.pk}"):
        communicator = socket(f"topic=bell.{mina.pk}", key=visitor)
        await communicator.connect(PATIENCE)
        assert (await communicator.receive_output(PATIENCE))["code"] == FORBIDDEN


@pytest.mark.parametrize("topic", ["bell", "bell.x", "bell.0", "bell.99999999999999999999"])
async def test_a_bell_that_is_nobodys_cannot_be_watched(mina: User, topic: str) -> None:
    communicator = socket(f"topic={topic}", key=f"u{mina.pk}")
    await communicator.connect(PATIENCE)
    assert (await communicator.receive_output(PATIENCE))["code"] == FORBIDDEN


async def test_the_cookie_of_a_closed_account_is_worth_nothing(mina: User) -> None:
    await database_sync_to_async(User.objects.filter(pk=mina.pk).update)(is_active=False)
    communicator = socket(f"topic=bell.{mina.pk}", key=f"u{mina.pk}")
    await communicator.connect(PATIENCE)
    assert (await communicator.receive_output(PATIENCE))["code"] == FORBIDDEN


async def test_others_hear_nothing_of_it(post: Post, mina: User, jun: User) -> None:
    async with watching(f"topic=bell.{jun.pk}&topic=post.{post.pk}", key=f"u{jun.pk}") as (other, _):
        await like(post, "v1")
        assert list(await frame(other)) == [f"post.{post.pk}"]


async def test_a_lost_push_is_healed_from_the_database(post: Post, mina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "RESYNC", 0.3)
    name = f"bell.{mina.pk}"
    async with watching(f"topic={name}", key=f"u{mina.pk}") as (page, _):
        monkeypatch.setattr("likes.tasks.push", lambda events: True)
        await like(post, "v1")
        assert (await bell(page, name))["unread"] == 1


async def test_pushes_in_the_wrong_order_end_with_the_exact_number(post: Post, mina: User) -> None:
    from notifications.bell import bell_event

    name = f"bell.{mina.pk}"
    async with watching(f"topic={name}", key=f"u{mina.pk}") as (page, _):
        await like(post, "v1")
        rung = await bell(page, name)
        await look(user=mina.pk)
        assert (await bell(page, name))["unread"] == 0
        late = bell_event(mina.pk, rung["unread"], rung["v"])
        await database_sync_to_async(broadcast)([late])
        assert await page.receive_nothing(0.5)


@pytest.mark.django_db
def test_a_page_without_a_socket_asks_for_its_own_bell_only(client: Any, mina: User, jun: User) -> None:
    client.force_login(mina)
    assert client.get(f"/live/?topic=bell.{mina.pk}").json() == {f"bell.{mina.pk}": {"v": 0, "unread": 0}}
    assert client.get(f"/live/?topic=bell.{jun.pk}").status_code == 403
    assert bell_of(mina.pk).unread == 0
