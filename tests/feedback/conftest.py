from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core import mail as django_mail
from django.test import Client

from feedback import rate_limits
from feedback.models import Message
from feedback.services import submit_message


@pytest.fixture(autouse=True)
def full_buckets() -> Iterator[None]:
    yield
    rate_limits.visitors.left.clear()
    rate_limits.networks.left.clear()


@pytest.fixture(autouse=True)
def own_data_dir(settings: object, tmp_path: Path) -> None:
    """Mails and exports of a test are its own; the database and Redis stay where they are."""
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]


@pytest.fixture
def outbox() -> list[django_mail.EmailMessage]:
    """What was sent, where pytest-django has put the locmem backend."""
    return django_mail.outbox


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_user("staff", password="redheart", is_staff=True)


@pytest.fixture
def desk(staff: User) -> Client:
    """A member of the team, signed in."""
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def write(db: None) -> Callable[..., Message]:
    """Stores a message as the form does, without asking a worker."""

    def submit(text: str = "The heart is lovely.", email: str = "mina@example.com", **values: object) -> Message:
        return submit_message(email=email, text=text, **values)  # type: ignore[arg-type]

    return submit
