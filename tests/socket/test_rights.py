"""A socket is closed within seconds when its account has signed out or may no longer watch what it watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from accounts import services
from accounts.models import AccountSession
from core import sessions
from likes.models import Post
from live import hub
from live.sockets import FORBIDDEN
from tests.socket.test_live_socket import TIMEOUT, watching

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "RESYNC", 0.05)
    monkeypatch.setattr(sessions, "VALID", 0.0)


def sign_out(user: User) -> None:
    Session.objects.all().delete()


def sign_out_everywhere_else(user: User) -> None:
    for session in Session.objects.all():
        AccountSession.objects.create(session=session, user=user)
    services.sign_out(user=user, but=services.Here("another session", 0))


def change_the_password(user: User) -> None:
    services.change_password(user=user, password="another pass phrase", but=services.Here(None, 0))


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def delete(user: User) -> None:
    services.delete_account(user=user, messages=False)


def demote(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=False)


async def close_code(query: str, user: User, event: Callable[[User], None]) -> int:
    async with watching(query, key=f"u{user.pk}") as (page, _):
        await database_sync_to_async(event)(user)
        async with asyncio.timeout(TIMEOUT):
            while (message := await page.receive_output(TIMEOUT))["type"] != "websocket.close":
                pass
        return int(message["code"])


@pytest.mark.parametrize("event", [sign_out, sign_out_everywhere_else, change_the_password, deactivate, delete])
async def test_the_bell_of_an_account_is_closed(mina: User, event: Callable[[User], None]) -> None:
    assert await close_code(f"topic=bell.{mina.pk}", mina, event) == FORBIDDEN


@pytest.mark.parametrize("event", [sign_out, demote])
async def test_the_inbox_is_closed(staff: User, event: Callable[[User], None]) -> None:
    assert await close_code("topic=inbox", staff, event) == FORBIDDEN


async def test_others_stay_connected(mina: User, jun: User, post: Post) -> None:
    async with watching(f"topic=post.{post.pk}", key="v1") as (visitor, _):
        async with watching(f"topic=bell.{jun.pk}", key=f"u{jun.pk}") as (other, _):
            assert await close_code(f"topic=bell.{mina.pk}", mina, deactivate) == FORBIDDEN
            for page in (visitor, other):
                assert await page.receive_nothing(0.3) or "websocket.send" in str(await page.receive_output(TIMEOUT))
