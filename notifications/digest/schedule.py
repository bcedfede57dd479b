"""When a digest is due. The digest periods of an account leave no gap: each starts where the one before it ended."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet

from notifications.digest.quiet_hours import may_send_at
from notifications.models import NotificationSettings

DIGEST_TIME, MONDAY = time(8), 0
COMMIT_TIME = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT)  # after it, every alert of a period is committed


def due(now: datetime) -> QuerySet[NotificationSettings]:
    """The settings of the accounts whose digest period has ended."""
    return NotificationSettings.objects.filter(digest_at__lte=now - COMMIT_TIME).order_by("digest_at")


def next_end(user_settings: NotificationSettings, after: datetime) -> datetime:
    """The first end of a digest period after that time: 8:00 local time, or the end of the quiet hours around it."""
    zone = ZoneInfo(user_settings.time_zone)
    today = after.astimezone(zone).date()
    days = (today + timedelta(days=number) for number in range(-1, 9))
    ends = (
        may_send_at(user_settings, datetime.combine(day, DIGEST_TIME, zone).astimezone(UTC))
        for day in days
        if user_settings.digest == NotificationSettings.Digest.DAILY or day.weekday() == MONDAY
    )
    return next(end for end in ends if end > after)


def last_end(user_settings: NotificationSettings, now: datetime) -> datetime:
    """The end of a digest period that is due. If beat has missed some, one period covers them all."""
    end = user_settings.digest_at
    assert end  # noqa: S101  (it is due)
    while (following := next_end(user_settings, end)) <= now:
        end = following
    return end
