"""The tables of notifications."""

from notifications.models.destinations import Attempt, Delivery, Destination, Habits
from notifications.models.notifications import Loud, Mute, Notification, Preference, micros

__all__ = ["Attempt", "Delivery", "Destination", "Habits", "Loud", "Mute", "Notification", "Preference", "micros"]
