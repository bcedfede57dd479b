"""When a digest is due. One person's windows touch and never overlap: each begins where the last has ended."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet

from notifications.digest.quiet_hours import awake_at
from notifications.models import NotificationSettings

EIGHT, MONDAY = time(8), 0
SETTLED = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT)  # whatever rang in a window has been committed by then


def due(now: datetime) -> QuerySet[NotificationSettings]:
    return NotificationSettings.objects.filter(digest_at__lte=now - SETTLED).order_by("digest_at")


def next_end(user_settings: NotificationSettings, after: datetime) -> datetime:
    """The first end of a window after that: 8:00 on the person's wall, or when the quiet hours around it are over."""
    zone = ZoneInfo(user_settings.time_zone)
    today = after.astimezone(zone).date()
    days = (today + timedelta(days=number) for number in range(-1, 9))
    ends = (
        awake_at(user_settings, datetime.combine(day, EIGHT, zone).astimezone(UTC))
        for day in days
        if user_settings.digest == NotificationSettings.Digest.DAILY or day.weekday() == MONDAY
    )
    return next(end for end in ends if end > after)


def last_end(user_settings: NotificationSettings, now: datetime) -> datetime:
    """Where a window that is due ends: it covers all that was missed while nobody looked."""
    end = user_settings.digest_at
    assert end  # noqa: S101  (it is due)
    while (following := next_end(user_settings, end)) <= now:
        end = following
    return end
