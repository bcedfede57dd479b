"""Quiet hours: a span of each day, by the clock on the person's wall."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifications.models import NotificationSettings


def awake_at(user_settings: NotificationSettings | None, now: datetime) -> datetime:
    """When this person may be rung: now, or the end of the quiet hours that now is in."""
    if not user_settings or not user_settings.quiet_from or not user_settings.quiet_until:
        return now
    here = now.astimezone(ZoneInfo(user_settings.time_zone))
    if not _within(here.time(), user_settings.quiet_from, user_settings.quiet_until):
        return now
    day = here.date() + timedelta(days=here.time() >= user_settings.quiet_until)
    end = datetime.combine(day, user_settings.quiet_until, here.tzinfo).replace(
        fold=here.fold
    )  # of an hour that comes twice
    return end.astimezone(now.tzinfo)


def _within(at: time, start: time, end: time) -> bool:
    return start <= at < end if start <= end else at >= start or at < end
