"""A real worker, killed while it sends a delivery: another one sends it with the same id, or it is unknown."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from core.redis import redis
from notifications.models import Delivery, Destination
from notifications.transports import kakao, webhook
from outbox.tasks import send_pending
from tests.live import until
from tests.notifications.deliveries import write
from tests.notifications.receiver import Receiver, receiving
from tests.outbox.workers import worker

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = {"type": "liked", "subject": "post.1", "count": 2, "title": "Likes", "text": "Two like it", "url": "http://x"}


def pass_time() -> None:
    """Lets the lease expire and the time of the retry come, and runs beat after each."""
    past = timezone.now() - timedelta(minutes=5)
    Delivery.objects.filter(status="sending").update(lease_until=past)
    send_pending()
    Destination.objects.update(next_at=past, turn_at=None)
    Delivery.objects.filter(status="retrying").update(next_at=past, enqueued_at=None)
    send_pending()


def status(delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return delivery.status


@pytest.mark.parametrize(
    ("transport", "step", "calls", "end"),
    [
        ("webhook", "claimed", 1, "accepted"),
        ("webhook", "responded", 2, "accepted"),
        ("kakao", "connected", 1, "accepted"),
        ("kakao", "responded", 1, "unknown"),
    ],
)
def test_after_a_killed_worker_webhooks_arrive_at_least_once_and_kakao_messages_at_most_once(
    settings: Settings, transport: str, step: str, calls: int, end: str
) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    with receiving() as server:
        server.answers = [(200, {}, '{"header": {"resultCode": 0, "isSuccessful": true}}')]
        delivery = write(connect(transport, server), CONTENT)
        with worker(DIE_AT=step, DIE="child", OUTSIDE_ALLOW="127.0.0.1"):
            send_pending()
            until(lambda: redis().exists("died"), f"the worker never came to the step {step}")
            until(lambda: status(delivery) == "sending", "no worker has claimed it")
            pass_time()
            until(lambda: status(delivery) == end, lambda: f"{delivery.status}: {delivery.response}")
    assert len(server.calls) == calls
    header = "webhook-id" if transport == "webhook" else "x-nc-api-idempotency-key"
    assert {call.headers[header] for call in server.calls} == {delivery.identity}
    assert delivery.attempts.count() == (1 if end == "unknown" else 2)


def connect(transport: str, server: Receiver) -> Destination:
    staff = User.objects.create_user("staff", is_staff=True)
    values: dict[str, Any]
    if transport == "webhook":
        values = {"address": server.url, "secret": webhook.new_secret()}
    else:
        options = {"sender": "a" * 40, "template": "T1", "to": "01012345678"}
        values = {"address": kakao.address("app1", server.url), "secret": "key", "options": options}
    return Destination.objects.create(owner=staff, transport=transport, name="Integration", **values)
