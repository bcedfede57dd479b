"""Writes notifications into the outbox, one delivery for each destination of the recipient."""

from __future__ import annotations

from collections import defaultdict
from copy import copy
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation

from notifications.digest.quiet_hours import may_send_at
from notifications.models import PUSH, Delivery, Destination, Notification, NotificationSettings, Preference
from notifications.types import described, notification_types, text_of, url_of
from outbox.email import EMAIL
from outbox.models import OutboxMessage, new_identity
from outbox.outcome import PENDING

BATCH = 100  # notifications in one transaction
PUSH_PRIORITY, PRIORITY = 2, 4


class Batch(NamedTuple):
    deliveries: list[Delivery]  # to enqueue after the commit
    is_full: bool  # more notifications may be pending


@transaction.atomic
def write_deliveries() -> Batch:
    """Writes the deliveries of some pending notifications. However often it runs and wherever it stops, each
    notification is written once."""
    pending = Notification.objects.select_for_update(skip_locked=True).filter(fan_out_pending=True)
    groups = list(pending.filter(type__in=notification_types).order_by("changed_at")[:BATCH])
    deliveries = _write_groups(groups)
    Notification.objects.filter(pk__in=[group.pk for group in groups]).update(fan_out_pending=False)
    return Batch(deliveries, is_full=len(groups) == BATCH)


def _write_groups(groups: list[Notification]) -> list[Delivery]:
    user_ids = {group.recipient_id for group in groups}
    user_settings = {row.user_id: row for row in NotificationSettings.objects.filter(user__in=user_ids)}
    preferences = {(row.user_id, row.type): row for row in Preference.objects.filter(user__in=user_ids)}
    destinations = defaultdict(list)
    active = Destination.getting_messages().filter(owner__in=user_ids, owner__is_active=True)
    for destination in active.exclude(transport=EMAIL):  # it gets the digest
        destinations[destination.owner_id].append(destination)
    contents = contents_of(groups, user_settings)
    return [
        _write(group, destination, contents[group.pk], user_settings.get(group.recipient_id))
        for group in groups
        for destination in destinations[group.recipient_id]
        if wants(destination, preferences.get((group.recipient_id, group.type)))
    ]


def wants(destination: Destination, preference: Preference | None) -> bool:
    """Whether the owner of the destination wants notifications of this type there."""
    return preference is None or (preference.push if destination.transport == PUSH else preference.integrations)


def contents_of(
    groups: list[Notification], user_settings: dict[int, NotificationSettings]
) -> dict[int, dict[str, Any]]:
    """The content of the deliveries of each group, by its id, in the language of its recipient."""
    languages = defaultdict(list)
    contents: dict[int, dict[str, Any]] = {}
    for group in groups:
        row = user_settings.get(group.recipient_id)
        languages[row.language if row else settings.LANGUAGE_CODE].append(group)
    for language, same in languages.items():
        with translation.override(language):
            contents |= {group.pk: content(group) for group in described(same)}
    return contents


def content(group: Notification) -> dict[str, Any]:
    """The content of its deliveries, in the active language. Each transport sends a part of it."""
    notification_type, nameless = notification_types[group.type], copy(group)
    nameless.names = []
    return {
        "type": group.type,
        "subject": group.subject,
        "count": group.count,
        "title": str(notification_type.label),
        "text": group.text,
        "anonymous_text": text_of(nameless),  # for a screen that others may see
        "url": settings.SITE_URL + url_of(group),
        "at": group.changed_at.isoformat(),
    }


def _write(
    group: Notification, destination: Destination, content: dict[str, Any], user_settings: NotificationSettings | None
) -> Delivery:
    """Writes a delivery, or rewrites the pending one. A rewritten delivery gets a new identity, because the other side
    may have got the earlier text with the old one."""
    pending = Delivery.objects.filter(destination=destination, notification=group, status__in=PENDING)
    if delivery := pending.first():
        row = OutboxMessage.objects.filter(pk=delivery.pk, status__in=PENDING)
        if row.update(content=content, identity=new_identity(), correlation_id=group.correlation_id):
            delivery.correlation_id = group.correlation_id
            return delivery
    return Delivery.objects.create(
        transport=destination.transport,
        destination=destination,
        notification=group,
        content=content,
        correlation_id=group.correlation_id,
        priority=PUSH_PRIORITY if destination.transport == PUSH else PRIORITY,
        next_at=may_send_at(user_settings, timezone.now()),
        on_hold=destination.paused_at is not None,
    )
