"""The tables of notifications."""

from notifications.models.destinations import Delivery, Destination
from notifications.models.notifications import Loud, Mute, Notification, Preference
from notifications.models.settings import Habits

__all__ = ["Delivery", "Destination", "Habits", "Loud", "Mute", "Notification", "Preference"]
