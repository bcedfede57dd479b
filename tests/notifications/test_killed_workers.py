"""A real worker, killed with a message in its hands: another one sends it, and the receiver can tell it is the same."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from core.redis import redis
from notifications.models import Delivery, Destination
from notifications.tasks import send_pending
from notifications.transports import kakao, webhook
from tests.feedback.test_killed_workers import worker
from tests.live import until
from tests.notifications.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = {"type": "liked", "subject": "post.1", "count": 2, "title": "Likes", "text": "Two like it", "url": "http://x"}


def heal() -> None:
    """What time and beat do, in a moment: the lease runs out, beat looks, the pause passes, beat looks again."""
    past = timezone.now() - timedelta(minutes=5)
    Delivery.objects.filter(status="sending").update(lease_until=past)
    send_pending()
    Destination.objects.update(next_at=past)
    Delivery.objects.filter(status="retrying").update(next_at=past, enqueued_at=None)
    send_pending()


def state(delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return delivery.status


@pytest.mark.parametrize(
    ("transport", "step", "calls", "end"),
    [
        ("webhook", "claimed", 1, "accepted"),
        ("webhook", "answered", 2, "accepted"),
        ("kakao", "connected", 1, "accepted"),
        ("kakao", "answered", 1, "unknown"),
    ],
)
def test_a_killed_worker_loses_nothing_and_no_phone_rings_twice(
    settings: Settings, transport: str, step: str, calls: int, end: str
) -> None:
    settings.OUTSIDE_ALLOW = [ip_network("127.0.0.1")]
    with receiving() as server:
        server.answers = [(200, {}, '{"header": {"resultCode": 0, "isSuccessful": true}}')]
        delivery = Delivery.objects.create(destination=connected(transport, server), content=CONTENT, priority=4)
        with worker(0, DIE_AT=step, DIE="child", OUTSIDE_ALLOW="127.0.0.1"):
            send_pending()
            until(lambda: redis().exists("died"), f"the worker never came to the step {step}")
            until(lambda: state(delivery) == "sending", "it is in nobody's hands")
            heal()
            until(lambda: state(delivery) == end, lambda: f"{delivery.status}: {delivery.response}")
    assert len(server.calls) == calls
    name = "webhook-id" if transport == "webhook" else "x-nc-api-idempotency-key"
    assert {call.headers[name] for call in server.calls} == {delivery.identity}
    assert delivery.attempts.count() == (1 if end == "unknown" else 2)


def connected(transport: str, server: Receiver) -> Destination:
    staff = User.objects.create_user("staff", is_staff=True)
    if transport == "webhook":
        values = {"address": server.url, "secret": webhook.new_secret()}
    else:
        options = {"sender": "a" * 40, "template": "T1", "to": "01012345678"}
        values = {"address": kakao.address("app1", server.url), "secret": "key", "options": options}  # type: ignore[dict-item]
    return Destination.objects.create(owner=staff, transport=transport, name="Outside", **values)
