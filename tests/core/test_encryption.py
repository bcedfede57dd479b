"""Addresses and secrets of destinations are encrypted in the database."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from notifications.models import Destination

pytestmark = pytest.mark.django_db
ADDRESS, SECRET = "https://chat.example/hook/t0ken", "whsec_abc"


@pytest.fixture
def hook() -> Destination:
    owner = User.objects.create_user("mina")
    return Destination.objects.create(owner=owner, transport="webhook", name="Hook", address=ADDRESS, secret=SECRET)


def stored() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT address, secret FROM notifications_destination ORDER BY id")
        return list(cursor.fetchall())


def read(hook: Destination) -> tuple[str, str]:
    hook.refresh_from_db()
    return hook.address, hook.secret


def test_the_database_holds_neither_the_address_nor_the_secret_but_the_model_does(hook: Destination) -> None:
    [texts] = stored()
    assert not any(part in text for text in texts for part in ("chat.example", "t0ken", "whsec"))
    assert read(hook) == (ADDRESS, SECRET)


def test_an_address_is_found_by_the_whole_text_and_by_nothing_else(hook: Destination) -> None:
    assert Destination.objects.get(address=ADDRESS) == hook
    assert not Destination.objects.filter(address=ADDRESS.upper()).exists()
    with pytest.raises(FieldError):
        Destination.objects.filter(address__contains="chat").exists()


def test_two_rows_cannot_hold_the_same_browser(hook: Destination) -> None:
    push = {"owner": hook.owner, "transport": "push", "name": "Phone", "address": "https://push.example/1"}
    Destination.objects.create(**push)
    with pytest.raises(IntegrityError), transaction.atomic():
        Destination.objects.create(**push)


def test_after_a_new_secret_key_prepare_encrypts_again(hook: Destination, settings: Settings) -> None:
    settings.SECRET_KEY, old = "a-new-key-" * 6, settings.SECRET_KEY
    settings.SECRET_KEY_FALLBACKS = [old]
    assert read(hook) == (ADDRESS, SECRET)
    call_command("prepare")
    settings.SECRET_KEY_FALLBACKS = []
    assert read(hook) == (ADDRESS, SECRET)
    settings.SECRET_KEY = old
    assert read(hook) == ("", "")


def test_what_no_key_can_read_is_empty_and_logged_and_is_kept_for_the_day_the_key_is_back(
    hook: Destination, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SECRET_KEY, old = "a-new-key-" * 6, settings.SECRET_KEY
    with caplog.at_level(logging.ERROR):
        assert read(hook) == ("", "")
    assert "cannot be read" in caplog.text
    settings.SECRET_KEY_FALLBACKS = ["another-key-" * 6]
    call_command("prepare")
    settings.SECRET_KEY = old
    assert read(hook) == (ADDRESS, SECRET)
