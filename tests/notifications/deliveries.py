"""Deliveries as fan-out writes them, and a transport that records what it sends."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from likes.models import Post
from likes.services import Click, set_likes
from likes.settling import settle
from notifications.models import Delivery, Destination, Notification
from notifications.transports.base import DestinationTransport
from outbox import sending
from outbox.outcome import Outcome, Status


class Recorder(DestinationTransport):
    """Returns ``outcome`` for every message, and keeps the messages."""

    def __init__(self) -> None:
        self.sent: list[Delivery] = []
        self.outcome = Outcome(Status.ACCEPTED, "200 OK")

    def send(self, delivery: Delivery) -> Outcome:
        self.sent.append(delivery)
        return self.outcome


def like(post: Post, *visitors: str) -> Notification:
    set_likes(clicks=[Click(post.pk, visitor, True, timezone.now()) for visitor in visitors])
    settle()
    return Notification.objects.get(type="liked", subject=f"post.{post.pk}")


def write(destination: Destination, content: dict[str, Any] | None = None) -> Delivery:
    return destination.deliveries.create(transport=destination.transport, content=content or {}, priority=4)


def send_now(delivery: Delivery) -> Delivery:
    """Sends it whatever it waits for: a retry, the rate limit of its destination."""
    now = timezone.now()
    Destination.objects.filter(pk=delivery.destination_id).update(next_at=now, turn_at=None)
    Delivery.objects.filter(pk=delivery.pk).update(next_at=now)
    sending.send(delivery.pk)
    delivery.refresh_from_db()
    return delivery
