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
    label = _("Email, push or an integration is paused")
    last = True
    icon = "mail-warning"
    page = "destination"

    def prepare(self, groups: list[Notification]) -> None:
        found = Destination.objects.in_bulk([int(group.key) for group in groups])
        for group in groups:
            destination = found.get(int(group.key))
            group.detail = destination.name if destination else gettext("An integration")
            group.gone = bool(destination and destination.gone)

    def text(self, group: Notification) -> str:
        if group.gone:
            return gettext("%(name)s was paused: the receiver says it no longer exists") % {"name": group.detail}
        return gettext("%(name)s was paused after failed deliveries") % {"name": group.detail}

    def url(self, group: Notification) -> str:
        is_integration = Destination.objects.filter(pk=group.key, transport__in=integrations()).exists()
        return super().url(group) if is_integration else reverse("preferences")
