"""What is told of destinations themselves."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifications.models import Destination, Notification
from notifications.transports.base import integrations
from notifications.types import Kind, declare


def place_of(group: Notification) -> int:
    return int(group.subject.removeprefix("destination."))


@declare
class Paused(Kind):
    name = "paused"
    label = _("An integration is paused")
    icon = "mail-warning"

    def prepare(self, groups: list[Notification]) -> None:
        places = Destination.objects.in_bulk(map(place_of, groups))
        for group in groups:
            place = places.get(place_of(group))
            group.detail = place.name if place else gettext("An integration")

    def text(self, group: Notification) -> str:
        return gettext("%(name)s was paused after failed deliveries") % {"name": group.detail}

    def url(self, group: Notification) -> str:
        outside = Destination.objects.filter(pk=place_of(group), transport__in=integrations()).exists()
        return reverse("destination", args=[place_of(group)]) if outside else reverse("preferences")
