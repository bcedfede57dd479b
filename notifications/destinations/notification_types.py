"""Notifications about destinations."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifications.models import Destination, Notification
from notifications.transports.base import integrations
from notifications.types import NotificationType, declare


def destination_id(group: Notification) -> int:
    return int(group.subject.removeprefix("destination."))


@declare
class Paused(NotificationType):
    name = "paused"
    label = _("An integration is paused")
    icon = "mail-warning"

    def prepare(self, groups: list[Notification]) -> None:
        names = dict(Destination.objects.filter(pk__in=map(destination_id, groups)).values_list("pk", "name"))
        for group in groups:
            group.detail = names.get(destination_id(group)) or gettext("An integration")

    def text(self, group: Notification) -> str:
        return gettext("%(name)s was paused after failed deliveries") % {"name": group.detail}

    def url(self, group: Notification) -> str:
        pk = destination_id(group)
        is_integration = Destination.objects.filter(pk=pk, transport__in=integrations()).exists()
        return reverse("destination", args=[pk]) if is_integration else reverse("preferences")
