from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from feedback.models import Message
from feedback.services import submit_message


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path) -> None:
    """Each test has its own folder of emails and exports."""
    settings.DATA_DIR = tmp_path


@pytest.fixture
def staff_client(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def write(db: None) -> Callable[..., Message]:
    """Stores a message as the form does; nothing is enqueued without a commit."""

    def submit(text: str = "The heart is lovely.", email: str = "mina@example.com", **values: object) -> Message:
        return submit_message(email=email, text=text, **values)  # type: ignore[arg-type]

    return submit
