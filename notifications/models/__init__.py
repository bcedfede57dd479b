"""The tables of notifications."""

from notifications.models.destinations import Delivery, Destination
from notifications.models.notifications import AlertLevel, Mute, Notification, Preference
from notifications.models.settings import NotificationSettings

__all__ = ["AlertLevel", "Delivery", "Destination", "Mute", "Notification", "NotificationSettings", "Preference"]
