"""Writes what has rung into the outbox, for every destination of its recipient."""

from __future__ import annotations

from collections import defaultdict
from copy import copy
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from notifications.digest.quiet_hours import awake_at
from notifications.models import Delivery, Destination, Notification, NotificationSettings, Preference
from notifications.types import described, notification_types
from outbox.email import EMAIL
from outbox.models import OutboxMessage, new_identity
from outbox.outcome import PENDING

BATCH = 100  # notifications at once
PUSH = "push"
PRIORITIES = {PUSH: 2}  # of the others: 4; a digest has 7


class Batch(NamedTuple):
    deliveries: list[Delivery]  # to enqueue after the commit
    is_full: bool  # there may be more to write


@transaction.atomic
def write_deliveries() -> Batch:
    """Writes a batch. However often it runs and wherever it stops, each notification is written once."""
    fan_out_pending = Notification.objects.select_for_update(skip_locked=True).filter(
        fan_out_pending=True, type__in=notification_types
    )
    groups = list(fan_out_pending.order_by("changed_at")[:BATCH])
    if not groups:
        return Batch([], is_full=False)
    people = {group.recipient_id for group in groups}
    user_settings = {row.user_id: row for row in NotificationSettings.objects.filter(user__in=people)}
    preferences = {(row.user_id, row.type): row for row in Preference.objects.filter(user__in=people)}
    destinations = defaultdict(list)
    for destination in Destination.objects.filter(owner__in=people, owner__is_active=True, paused_at=None):
        destinations[destination.owner_id].append(destination)
    found = []
    for group in spoken(groups, user_settings):
        for destination in destinations[group.recipient_id]:
            if wanted(destination, preferences.get((group.recipient_id, group.type))):
                found.append(_write(group, destination, user_settings.get(group.recipient_id)))
    Notification.objects.filter(pk__in=[group.pk for group in groups]).update(fan_out_pending=False)
    return Batch(found, is_full=len(groups) == BATCH)


def wanted(destination: Destination, preference: Preference | None) -> bool:
    if destination.transport == EMAIL:  # it gets the digest instead
        return False
    return preference is None or (preference.push if destination.transport == PUSH else preference.outside)


def spoken(groups: list[Notification], user_settings: dict[int, NotificationSettings]) -> list[Notification]:
    """The groups with their texts, each in the language of its recipient."""
    languages = defaultdict(list)
    for group in groups:
        chosen = user_settings.get(group.recipient_id)
        languages[chosen.language if chosen else settings.LANGUAGE_CODE].append(group)
    for language, some in languages.items():
        with translation.override(language):
            for group in described(some):
                group.heading, group.anonymous_text = str(notification_types[group.type].label), anonymous_text(group)
    return groups


def anonymous_text(group: Notification) -> str:
    """Its text for a screen that others may see: numbers, no names."""
    bare = copy(group)
    bare.names = []
    return notification_types[group.type].text(bare)


def content(group: Notification) -> dict[str, Any]:
    """What every transport can choose from."""
    return {
        "type": group.type,
        "subject": group.subject,
        "count": group.count,
        "title": group.heading,
        "text": group.text,
        "anonymous_text": group.anonymous_text,
        "url": settings.SITE_URL + notification_types[group.type].url(group),
        "at": group.changed_at.isoformat(),
    }


def _write(group: Notification, destination: Destination, user_settings: NotificationSettings | None) -> Delivery:
    """A delivery that still waits is rewritten: nobody wants to read an old number first. It gets a new identity then,
    because the other side may have taken the old one for something that it knows."""
    waiting = Delivery.objects.filter(destination=destination, notification=group, status__in=PENDING)
    if delivery := waiting.first():
        row = OutboxMessage.objects.filter(pk=delivery.pk, status__in=PENDING)
        if row.update(content=content(group), identity=new_identity()):
            return delivery
    return Delivery.objects.create(
        transport=destination.transport,
        destination=destination,
        notification=group,
        content=content(group),
        priority=PRIORITIES.get(destination.transport, 4),
        next_at=awake_at(user_settings, timezone.now()),
    )
