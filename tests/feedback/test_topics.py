"""The topics of feedback through the real consumer and the real channel layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from feedback import services
from feedback.models import Message
from live.sockets import FORBIDDEN
from outbox.tasks import send_message
from tests.socket.test_live_socket import TIMEOUT, frame, socket, watching

pytestmark = pytest.mark.django_db(transaction=True)
Write = Callable[..., Message]


async def is_refused(query: str, key: str = "") -> bool:
    communicator = socket(query, key=key)
    assert await communicator.connect(TIMEOUT) == (True, None)
    closed = await communicator.receive_output(TIMEOUT)
    assert closed["type"] == "websocket.close", closed
    return bool(closed["code"] == FORBIDDEN)


async def test_whoever_has_the_token_watches_the_message_until_the_reply(write: Write, staff: User) -> None:
    message = await database_sync_to_async(write)()
    mail = await message.mails.aget()
    topic = f"receipt.{message.token}"
    async with watching(f"topic={topic}") as (page, first):
        assert first[topic] == {"v": message.version, "status": "queued", "read": False, "replies": 0}
        await database_sync_to_async(send_message)(mail.pk)
        seen = await state_with(page, topic, status="accepted")
        assert set(seen) <= {"v", "status", "read", "replies"}
        await database_sync_to_async(services.read_message)(message=message)
        await state_with(page, topic, read=True)
        await database_sync_to_async(services.reply_to)(message=message, author=staff, text="Thank you")
        await state_with(page, topic, replies=1)


async def state_with(page: Any, topic: str, **wanted: object) -> dict[str, object]:
    """The first state of the topic with these values. Checks that the version rises."""
    version = 0
    while True:
        state = (await frame(page)).get(topic)
        if state:
            assert state["v"] > version
            version = state["v"]
            if wanted.items() <= state.items():
                return dict(state)


@pytest.mark.parametrize("key", ["", "v1", "u0", "u999", "u-1", "u1x", "ustaff"])
async def test_a_visitor_without_permission_or_token_watches_nothing(write: Write, staff: User, key: str) -> None:
    message = await database_sync_to_async(write)()
    assert await is_refused("topic=inbox", key)
    assert await is_refused(f"topic=receipt.{message.token.swapcase()}", key)
    assert await is_refused("topic=receipt", key)
    assert await is_refused(f"topic=feed&topic=receipt.{message.pk}", key)


async def test_only_active_staff_watch_the_inbox(staff: User, mina: User) -> None:
    assert await is_refused("topic=inbox", f"u{mina.pk}")
    async with watching("topic=inbox", key=f"u{staff.pk}") as (_, first):
        assert first["inbox"]["new"] == 0
    staff.is_active = False
    await staff.asave()
    assert await is_refused("topic=inbox", f"u{staff.pk}")


async def test_the_inbox_topic_gets_every_change_and_no_text(write: Write, staff: User) -> None:
    async with watching("topic=inbox", key=f"u{staff.pk}") as (page, _):
        message = await database_sync_to_async(write)("A secret")
        state = await state_with(page, "inbox", new=1)
        assert set(state) == {"v", "new"}
        await database_sync_to_async(services.read_message)(message=message)
        await state_with(page, "inbox", new=0)


def test_the_http_fallback_has_the_same_permissions_and_states(client: Client, write: Write, staff: User) -> None:
    message = write()
    assert client.get(f"/live/?topic=receipt.{message.token}").json()[f"receipt.{message.token}"]["status"] == "queued"
    assert client.get("/live/?topic=receipt.x").status_code == 403
    assert client.get("/live/?topic=inbox").status_code == 403
    client.force_login(staff)
    assert client.get("/live/?topic=inbox").json()["inbox"]["new"] == 1
