"""The tables of notifications."""

from notifications.models.destinations import PUSH, Delivery, Destination
from notifications.models.notifications import AlertLevel, Mute, Notification, Preference
from notifications.models.settings import NotificationSettings

__all__ = [
    "PUSH", "AlertLevel", "Delivery", "Destination", "Mute", "Notification", "NotificationSettings", "Preference",
]  # fmt: skip
