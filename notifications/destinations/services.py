"""The places outside that staff connect: what can be done with them, and what is shown of them."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from notifications import tasks
from notifications.models import Delivery, Destination
from notifications.models.destinations import OUTSIDE
from notifications.services import retract
from notifications.transports.base import transports
from outbox.models import OWED, Status

MANY = 500  # deliveries sent again at once
URGENT = 1


def outside() -> QuerySet[Destination]:
    """What staff have connected, with what came of the last message to each."""
    last = Delivery.objects.filter(destination=OuterRef("pk")).order_by("-pk")
    return (
        Destination.objects.filter(transport__in=OUTSIDE)
        .select_related("owner")
        .annotate(last_status=Subquery(last.values("status")[:1]), last_at=Subquery(last.values("created_at")[:1]))
    )


def log(place: Destination) -> QuerySet[Delivery]:
    return Delivery.objects.filter(destination=place).prefetch_related("tries").order_by("-pk")


def shown_address(place: Destination) -> str:
    """Enough to tell one from another, and nothing that would let a reader write there."""
    return transports[place.transport].shown(place)


def send_test(*, place: Destination) -> Delivery:
    """A message to one destination alone, sent now."""
    content = {
        "kind": "test",
        "subject": f"destination.{place.pk}",
        "count": 1,
        "title": gettext("Test from Redheart"),
        "text": gettext("This is a test. If you can see it, everything works."),
        "url": settings.SITE_URL + reverse("destination", args=[place.pk]),
        "at": timezone.now().isoformat(),
    }
    delivery = Delivery.objects.create(destination=place, content=content, priority=URGENT)
    ask([delivery])
    return delivery


def pause(*, place: Destination) -> None:
    Destination.objects.filter(pk=place.pk, paused_at=None).update(paused_at=timezone.now())


@transaction.atomic
def resume(*, place: Destination) -> None:
    """What has waited meanwhile is sent."""
    retract(subject=f"destination.{place.pk}")
    Destination.objects.filter(pk=place.pk).update(paused_at=None, failures=0, next_at=timezone.now())
    ask(Delivery.objects.filter(destination=place, status__in=OWED))


@transaction.atomic
def remove(*, place: Destination) -> None:
    retract(subject=f"destination.{place.pk}")
    place.delete()


def replay(*, delivery: Delivery) -> bool:
    """Sends what has failed, or waits for its next try, once more and now."""
    if not delivery.again():
        return False
    ask([delivery])
    return True


def failed(place: Destination) -> QuerySet[Delivery]:
    """What can be sent again without a thought: it has not arrived."""
    return Delivery.objects.filter(destination=place, status__in=[Status.FAILED, Status.RETRYING])


def replay_failed(*, place: Destination) -> int:
    return sum(replay(delivery=delivery) for delivery in failed(place).order_by("pk")[:MANY])


def ask(deliveries: list[Delivery] | QuerySet[Delivery]) -> None:
    asked = list(deliveries)
    transaction.on_commit(lambda: tasks.ask(asked))
