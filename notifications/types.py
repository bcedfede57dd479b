"""Notification types. Each app declares its own in its ``notification_types.py``."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import DatabaseError
from django.urls import reverse

from notifications.models import AlertLevel, Notification

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

notification_types: dict[str, NotificationType] = {}
log = logging.getLogger(__name__)


class NotificationType:
    """How the groups of one type are described. ``prepare`` bulk-loads what the groups of a page need; ``text`` and
    ``url`` describe one group and make no queries for the list."""

    name: str
    label: StrPromise  # on the settings page
    icon = "bell"
    staff = False  # True: for staff only
    last = False  # True: at the end of the settings page
    choices: tuple[AlertLevel, ...] = (AlertLevel.EVERY_TIME, AlertLevel.OFF)
    sentence: StrPromise  # the text, if it is the same for all groups
    page: str  # name of the URL that the notification opens; its argument is the key of the group, if there is one

    def prepare(self, groups: list[Notification]) -> None:
        """Sets the attributes of `Notification` that the list shows, except the text."""

    def text(self, group: Notification) -> str:
        """One sentence of plain text in the active language."""
        return str(self.sentence)

    def url(self, group: Notification) -> str:
        return reverse(self.page, args=[group.key] if group.key else [])


def declare(notification_type: type[NotificationType]) -> type[NotificationType]:
    """A class decorator."""
    notification_types[notification_type.name] = notification_type()
    return notification_type


def offered(*, staff: bool) -> list[NotificationType]:
    """The types that an account can get."""
    return sorted((each for each in notification_types.values() if staff or not each.staff), key=lambda t: t.last)


def described(groups: Iterable[Notification]) -> list[Notification]:
    """The same groups with what the list shows of them, in the active language."""
    groups = list(groups)
    for name, described_by in notification_types.items():
        if same := [group for group in groups if group.type == name]:
            prepare(described_by, same)
            for group in same:
                group.text, group.icon = text_of(group), described_by.icon
    return groups


def prepare(notification_type: NotificationType, groups: list[Notification]) -> None:
    """Loads what these groups need; if that fails, each by itself: one bad row must not hide all others."""
    try:
        notification_type.prepare(groups)
    except DatabaseError:
        raise
    except Exception:
        log.exception("could not prepare %d notifications", len(groups))
        if len(groups) > 1:
            for group in groups:
                prepare(notification_type, [group])


def text_of(group: Notification) -> str:
    """The text of the group. If it cannot be written, the label of its type."""
    notification_type = notification_types[group.type]
    try:
        return notification_type.text(group)
    except Exception:
        log.exception("no text for notification %s", group.pk)
        return str(notification_type.label)


def url_of(group: Notification) -> str:
    """The page that the group opens. If it has none, the list of notifications."""
    try:
        return notification_types[group.type].url(group)
    except Exception:
        log.exception("no page for notification %s", group.pk)
        return reverse("notifications")
