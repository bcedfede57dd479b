"""The bell over the real channel layer: who may watch it, and that it always ends at the exact number."""

from __future__ import annotations

from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from likes.models import Post
from live import hub as hub_module
from live.broadcast import broadcast
from live.sockets import FORBIDDEN
from notifications import services
from notifications.bell import bell_of
from tests.socket.test_live_socket import TIMEOUT, frame, like, socket, watching

pytestmark = pytest.mark.django_db(transaction=True)
look = database_sync_to_async(services.look)


async def bell(communicator: Any, name: str) -> dict[str, Any]:
    """The next frame that has the bell in it."""
    while True:
        if name in (state := await frame(communicator)):
            return state[name]


async def test_a_like_raises_the_bell_and_a_look_resets_it_in_all_tabs(post: Post, mina: User) -> None:
    name = f"bell.{mina.pk}"
    async with watching(f"topic={name}", key=f"u{mina.pk}") as (one, first):
        async with watching(f"topic={name}", key=f"u{mina.pk}") as (two, _):
            assert first[name] == {"v": 0, "unread": 0}
            await like(post, "v1", "v2")
            assert (await bell(one, name))["unread"] == (await bell(two, name))["unread"] == 1
            await look(user_id=mina.pk)
            assert (await bell(one, name))["unread"] == (await bell(two, name))["unread"] == 0
            await like(post, "v3")
            assert (await bell(two, name))["unread"] == 1


@pytest.mark.parametrize("key", ["", "v1", "u0", "u", "u1x"])
async def test_only_the_account_itself_may_watch_its_bell(mina: User, jun: User, key: str) -> None:
    for visitor in (key, f"u{jun.pk}"):
        communicator = socket(f"topic=bell.{mina.pk}", key=visitor)
        await communicator.connect(TIMEOUT)
        assert (await communicator.receive_output(TIMEOUT))["code"] == FORBIDDEN


@pytest.mark.parametrize("topic", ["bell", "bell.x", "bell.0", "bell.99999999999999999999"])
async def test_a_bell_of_no_account_cannot_be_watched(mina: User, topic: str) -> None:
    communicator = socket(f"topic={topic}", key=f"u{mina.pk}")
    await communicator.connect(TIMEOUT)
    assert (await communicator.receive_output(TIMEOUT))["code"] == FORBIDDEN


async def test_an_inactive_account_may_not_watch_its_bell(mina: User) -> None:
    await database_sync_to_async(User.objects.filter(pk=mina.pk).update)(is_active=False)
    communicator = socket(f"topic=bell.{mina.pk}", key=f"u{mina.pk}")
    await communicator.connect(TIMEOUT)
    assert (await communicator.receive_output(TIMEOUT))["code"] == FORBIDDEN


async def test_other_accounts_get_no_bell_frame(post: Post, mina: User, jun: User) -> None:
    async with watching(f"topic=bell.{jun.pk}&topic=post.{post.pk}", key=f"u{jun.pk}") as (other, _):
        await like(post, "v1")
        assert list(await frame(other)) == [f"post.{post.pk}"]


async def test_after_a_lost_broadcast_the_bell_is_right_with_the_next_resync(
    post: Post, mina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "RESYNC", 0.3)
    name = f"bell.{mina.pk}"
    async with watching(f"topic={name}", key=f"u{mina.pk}") as (page, _):
        monkeypatch.setattr("likes.tasks.broadcast", lambda events: True)
        await like(post, "v1")
        assert (await bell(page, name))["unread"] == 1


async def test_a_broadcast_that_comes_late_does_not_change_the_bell(post: Post, mina: User) -> None:
    from notifications.bell import bell_event

    name = f"bell.{mina.pk}"
    async with watching(f"topic={name}", key=f"u{mina.pk}") as (page, _):
        await like(post, "v1")
        liked = await bell(page, name)
        await look(user_id=mina.pk)
        assert (await bell(page, name))["unread"] == 0
        late = bell_event(mina.pk, liked["unread"], liked["v"])
        await database_sync_to_async(broadcast)([late])
        assert await page.receive_nothing(0.5)


@pytest.mark.django_db
def test_without_a_socket_a_page_gets_only_the_bell_of_its_account(client: Any, mina: User, jun: User) -> None:
    client.force_login(mina)
    assert client.get(f"/live/?topic=bell.{mina.pk}").json() == {f"bell.{mina.pk}": {"v": 0, "unread": 0}}
    assert client.get(f"/live/?topic=bell.{jun.pk}").status_code == 403
    assert bell_of(mina.pk).unread == 0
