from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from feedback.models import Message
from feedback.services import submit_message


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
