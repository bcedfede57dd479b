from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from feedback.models import Mail, Message

pytestmark = pytest.mark.django_db


def test_health_speaks_of_mail_that_waits_too_long(client: Client, write: Callable[..., Message]) -> None:
    write()
    assert client.get("/healthz/").json()["fan_out_pending"] == "ok"
    Mail.objects.update(next_at=timezone.now() - timedelta(minutes=10))
    assert client.get("/healthz/").json()["fan_out_pending"].startswith("a mail has waited for 60")
    Mail.objects.update(status="retrying", next_at=timezone.now() + timedelta(minutes=10))
    assert client.get("/healthz/").json()["fan_out_pending"] == "ok", "a mail server that is down is not our illness"
