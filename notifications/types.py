"""The kinds of notification. The app that owns what they are about declares each in its own ``kinds.py``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from notifications.models import AlertLevel, Notification

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

notification_types: dict[str, NotificationType] = {}


class NotificationType:
    """A name, and how groups of that name are told: ``prepare`` reads what all of a page need, in a number of queries
    that does not depend on how many there are; the rest says it of one."""

    name: str
    label: StrPromise  # in the preferences
    icon = "bell"
    staff = False  # is it for staff alone?
    choices: tuple[AlertLevel, ...] = (AlertLevel.EVERY_TIME, AlertLevel.OFF)
    template = "notifications/_group.html"

    def prepare(self, groups: list[Notification]) -> None:
        """Sets what `Notification` leaves to its kind, but for the text."""

    def text(self, group: Notification) -> str:
        """One plain sentence in the reader's language."""
        raise NotImplementedError

    def url(self, group: Notification) -> str:
        """Where it leads."""
        raise NotImplementedError


def declare(notification_type: type[NotificationType]) -> type[NotificationType]:
    notification_types[notification_type.name] = notification_type()
    return notification_type


def offered(*, staff: bool) -> list[NotificationType]:
    """The kinds that somebody may ever hear of."""
    return [
        notification_type for notification_type in notification_types.values() if staff or not notification_type.staff
    ]


def described(groups: Iterable[Notification]) -> list[Notification]:
    """The groups with their texts, in their order."""
    groups = list(groups)
    for name, notification_type in notification_types.items():
        if same := [group for group in groups if group.type == name]:
            notification_type.prepare(same)
            for group in same:
                group.text, group.icon, group.template = (
                    notification_type.text(group),
                    notification_type.icon,
                    notification_type.template,
                )
    return groups
