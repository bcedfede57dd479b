"""What of feedback the socket tells, and to whom: the real consumer over the real channel layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from feedback import services, tasks
from feedback.models import Message
from live.consumer import FORBIDDEN
from tests.socket.test_live_socket import PATIENCE, frame, socket, watching

pytestmark = pytest.mark.django_db(transaction=True)
Write = Callable[..., Message]


async def refused(query: str, key: str = "") -> bool:
    communicator = socket(query, key=key)
    assert await communicator.connect(PATIENCE) == (True, None)
    closed = await communicator.receive_output(PATIENCE)
    assert closed["type"] == "websocket.close", closed
    return bool(closed["code"] == FORBIDDEN)


async def test_whoever_has_the_token_follows_the_message_to_the_reply(write: Write, staff: User) -> None:
    message = await database_sync_to_async(write)()
    mail = await message.mails.aget()
    topic = f"receipt.{message.token}"
    async with watching(f"topic={topic}") as (page, first):
        assert first[topic] == {"v": message.version, "status": "queued", "read": False, "replies": 0}
        await database_sync_to_async(tasks.send_message)(mail.pk)
        seen = await until(page, topic, status="accepted")
        assert set(seen) <= {"v", "status", "read", "replies"}
        await database_sync_to_async(services.read_message)(message=message)
        await until(page, topic, read=True)
        await database_sync_to_async(services.reply_to)(message=message, author=staff, text="Thank you")
        await until(page, topic, replies=1)


async def until(page: Any, topic: str, **wanted: object) -> dict[str, object]:
    """The first state of the topic that has these values; none may go back."""
    version = 0
    while True:
        state = (await frame(page)).get(topic)
        if state:
            assert state["v"] > version
            version = state["v"]
            if wanted.items() <= state.items():
                return dict(state)


@pytest.mark.parametrize("key", ["", "v1", "u0", "u999", "u-1", "u1x", "ustaff"])
async def test_a_stranger_watches_nothing(write: Write, staff: User, key: str) -> None:
    message = await database_sync_to_async(write)()
    assert await refused("topic=inbox", key)
    assert await refused(f"topic=receipt.{message.token.swapcase()}", key)
    assert await refused("topic=receipt", key)
    assert await refused(f"topic=feed&topic=receipt.{message.pk}", key)


async def test_only_staff_who_still_are_staff_watch_the_inbox(staff: User, mina: User) -> None:
    assert await refused("topic=inbox", f"u{mina.pk}")
    async with watching("topic=inbox", key=f"u{staff.pk}") as (_, first):
        assert first["inbox"]["new"] == 0
    staff.is_active = False
    await staff.asave()
    assert await refused("topic=inbox", f"u{staff.pk}")


async def test_the_inbox_hears_of_every_change_and_of_no_text(write: Write, staff: User) -> None:
    async with watching("topic=inbox", key=f"u{staff.pk}") as (page, _):
        message = await database_sync_to_async(write)("A secret")
        state = await until(page, "inbox", new=1)
        assert set(state) == {"v", "new"}
        await database_sync_to_async(services.read_message)(message=message)
        await until(page, "inbox", new=0)


def test_the_way_without_a_socket_asks_the_same(client: Client, write: Write, staff: User) -> None:
    message = write()
    assert client.get(f"/live/?topic=receipt.{message.token}").json()[f"receipt.{message.token}"]["status"] == "queued"
    assert client.get("/live/?topic=receipt.x").status_code == 403
    assert client.get("/live/?topic=inbox").status_code == 403
    client.force_login(staff)
    assert client.get("/live/?topic=inbox").json()["inbox"]["new"] == 1
