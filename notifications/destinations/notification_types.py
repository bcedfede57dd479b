"""Notifications about destinations."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifications.models import Destination, Notification
from notifications.transports.base import integrations
from notifications.types import NotificationType, declare


@declare
class Paused(NotificationType):
    name = "paused"
    label = _("An integration is paused")
    icon = "mail-warning"
    page = "destination"

    def prepare(self, groups: list[Notification]) -> None:
        names = dict(Destination.objects.filter(pk__in=[group.key for group in groups]).values_list("pk", "name"))
        for group in groups:
            group.detail = names.get(int(group.key)) or gettext("An integration")

    def text(self, group: Notification) -> str:
        return gettext("%(name)s was paused after failed deliveries") % {"name": group.detail}

    def url(self, group: Notification) -> str:
        is_integration = Destination.objects.filter(pk=group.key, transport__in=integrations()).exists()
        return super().url(group) if is_integration else reverse("preferences")
