"""The notifications of an account, where it gets them, and its settings. They are deleted with the account."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from core.data_care.personal import Person, Personal
from notifications.models import Delivery, Destination, Mute, Notification, NotificationSettings, Preference

NOTIFICATION = ("type", "subject", "count", "changed_at", "seen_at", "read_at", "archived_at")
SETTINGS = ("language", "time_zone", "quiet_from", "quiet_until", "digest")


def of(person: Person) -> Iterable[Personal]:
    destinations = _destinations(person)
    if person.user or person.email:
        fields = ("transport", "name", "address", "created_at", "paused_at")
        yield Personal("destinations", "browsers, email addresses and integrations", destinations, fields)
        deliveries = Delivery.objects.filter(destination__in=destinations)
        yield Personal("deliveries", "deliveries to them", deliveries, ("created_at", "ended_at", "status"))
    if user := person.user:
        yield Personal("notifications", "notifications", Notification.objects.filter(recipient=user), NOTIFICATION)
        preferences = Preference.objects.filter(user=user)
        fields = ("type", "bell", "digest", "push", "integrations")
        yield Personal("preferences", "preferences", preferences, fields)
        yield Personal("mutes", "mutes", Mute.objects.filter(user=user), ("subject",))
        chosen = NotificationSettings.objects.filter(user=user)
        yield Personal("notification_settings", "notification settings", chosen, SETTINGS)


def erase(person: Person) -> None:
    _destinations(person).delete()


def _destinations(person: Person) -> QuerySet[Destination]:
    if person.user:
        return Destination.objects.filter(owner=person.user)
    addresses = {person.email, person.email.lower()}
    found = Destination.objects.filter(transport="email", address__in=addresses)
    return found if person.email else Destination.objects.none()
