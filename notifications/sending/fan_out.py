"""Writes what has rung into the outbox, for every destination of its recipient."""

from __future__ import annotations

from collections import defaultdict
from copy import copy
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from notifications.digest.quiet_hours import awake_at
from notifications.models import Delivery, Destination, Habits, Notification, Preference
from notifications.types import kinds, told
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
    owed = Notification.objects.select_for_update(skip_locked=True).filter(owed=True, kind__in=kinds)
    groups = list(owed.order_by("changed_at")[:BATCH])
    if not groups:
        return Batch([], is_full=False)
    people = {group.recipient_id for group in groups}
    habits = {row.user_id: row for row in Habits.objects.filter(user__in=people)}
    wishes = {(row.user_id, row.kind): row for row in Preference.objects.filter(user__in=people)}
    places = defaultdict(list)
    for place in Destination.objects.filter(owner__in=people, owner__is_active=True, paused_at=None):
        places[place.owner_id].append(place)
    found = []
    for group in spoken(groups, habits):
        for place in places[group.recipient_id]:
            if wanted(place, wishes.get((group.recipient_id, group.kind))):
                found.append(_write(group, place, habits.get(group.recipient_id)))
    Notification.objects.filter(pk__in=[group.pk for group in groups]).update(owed=False)
    return Batch(found, is_full=len(groups) == BATCH)


def wanted(place: Destination, wish: Preference | None) -> bool:
    if place.transport == EMAIL:  # it gets the digest instead
        return False
    return wish is None or (wish.push if place.transport == PUSH else wish.outside)


def spoken(groups: list[Notification], habits: dict[int, Habits]) -> list[Notification]:
    """The groups with their texts, each in the language of its recipient."""
    languages = defaultdict(list)
    for group in groups:
        chosen = habits.get(group.recipient_id)
        languages[chosen.language if chosen else settings.LANGUAGE_CODE].append(group)
    for language, some in languages.items():
        with translation.override(language):
            for group in told(some):
                group.heading, group.nameless = str(kinds[group.kind].label), nameless(group)
    return groups


def nameless(group: Notification) -> str:
    """Its text for a screen that others may see: numbers, no names."""
    bare = copy(group)
    bare.names = []
    return kinds[group.kind].text(bare)


def content(group: Notification) -> dict[str, Any]:
    """What every transport can choose from."""
    return {
        "type": group.kind,
        "subject": group.subject,
        "count": group.count,
        "title": group.heading,
        "text": group.text,
        "nameless": group.nameless,
        "url": settings.SITE_URL + kinds[group.kind].url(group),
        "at": group.changed_at.isoformat(),
    }


def _write(group: Notification, place: Destination, habits: Habits | None) -> Delivery:
    """A delivery that still waits is rewritten: nobody wants to read an old number first. It gets a new identity then,
    because the other side may have taken the old one for something that it knows."""
    waiting = Delivery.objects.filter(destination=place, notification=group, status__in=PENDING)
    if delivery := waiting.first():
        row = OutboxMessage.objects.filter(pk=delivery.pk, status__in=PENDING)
        if row.update(content=content(group), identity=new_identity()):
            return delivery
    return Delivery.objects.create(
        transport=place.transport,
        destination=place,
        notification=group,
        content=content(group),
        priority=PRIORITIES.get(place.transport, 4),
        next_at=awake_at(habits, timezone.now()),
    )
