"""The integrations: destinations that staff connect by a form."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from notifications.models import Delivery, Destination
from notifications.services import retract
from notifications.transports.base import integrations
from outbox.outcome import PENDING, Status
from outbox.tasks import enqueue

MAX_RETRIED = 500  # deliveries in one request
TEST_PRIORITY = 1


def connected() -> QuerySet[Destination]:
    """All integrations, each with the status and time of its last delivery."""
    last = Delivery.objects.filter(destination=OuterRef("pk")).order_by("-pk")
    return (
        Destination.objects.filter(transport__in=integrations())
        .select_related("owner")
        .annotate(last_status=Subquery(last.values("status")[:1]), last_at=Subquery(last.values("created_at")[:1]))
    )


def send_test(*, destination: Destination) -> Delivery:
    """Enqueues a test message to one destination."""
    content = {
        "type": "test",
        "subject": f"destination.{destination.pk}",
        "count": 1,
        "title": gettext("Test from Redheart"),
        "text": gettext("This is a test. If you can see it, everything works."),
        "url": settings.SITE_URL + reverse("destination", args=[destination.pk]),
        "at": timezone.now().isoformat(),
    }
    delivery = destination.deliveries.create(transport=destination.transport, content=content, priority=TEST_PRIORITY)
    transaction.on_commit(lambda: enqueue([delivery]))
    return delivery


@transaction.atomic
def resume(*, destination: Destination) -> None:
    """Also sends what was held meanwhile."""
    retract(subject=f"destination.{destination.pk}")
    destination.resume()
    transaction.on_commit(lambda: enqueue(Delivery.objects.filter(destination=destination, status__in=PENDING)))


@transaction.atomic
def remove(*, destination: Destination) -> None:
    retract(subject=f"destination.{destination.pk}")
    destination.delete()


def retry(*, delivery: Delivery) -> bool:
    """Sends a delivery now that failed or waits for its next attempt. False: there is nothing to retry."""
    if not delivery.retry_now():
        return False
    delivery.destination.touch()
    transaction.on_commit(lambda: enqueue([delivery]))
    return True


def failed(destination: Destination) -> QuerySet[Delivery]:
    """Deliveries that certainly have not arrived, so a retry delivers none of them twice."""
    return Delivery.objects.filter(destination=destination, status__in=[Status.FAILED, Status.RETRYING])


def retry_failed(*, destination: Destination) -> int:
    """Retries all that have failed. Returns how many."""
    return sum(retry(delivery=delivery) for delivery in failed(destination).order_by("pk")[:MAX_RETRIED])
