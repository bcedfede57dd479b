from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from feedback.models import Message
from outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db(transaction=True)


def test_health_reports_an_email_that_no_worker_takes_but_not_a_retry(
    client: Client, write: Callable[..., Message]
) -> None:
    write()
    assert client.get("/healthz/").json()["pending"] == "ok"
    OutboxMessage.objects.update(next_at=timezone.now() - timedelta(minutes=10))
    assert client.get("/healthz/").json()["pending"].startswith("mail: waiting for 60")
    OutboxMessage.objects.update(status="retrying", next_at=timezone.now() + timedelta(minutes=10))
    assert client.get("/healthz/").json()["pending"] == "ok"
