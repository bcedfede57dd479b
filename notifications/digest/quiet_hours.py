"""Quiet hours: a part of each day, in local time, when nothing is sent to an account."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifications.models import NotificationSettings


def may_send_at(user_settings: NotificationSettings | None, now: datetime) -> datetime:
    """When messages may be sent: now, or at the end of the quiet hours that now is in."""
    if not user_settings or not user_settings.quiet_from or not user_settings.quiet_until:
        return now
    local = now.astimezone(ZoneInfo(user_settings.time_zone))
    if not _within(local.time(), user_settings.quiet_from, user_settings.quiet_until):
        return now
    day = local.date() + timedelta(days=local.time() >= user_settings.quiet_until)
    end = datetime.combine(day, user_settings.quiet_until, local.tzinfo)
    return end.replace(fold=local.fold).astimezone(now.tzinfo)  # fold: in an hour that comes twice, the same one


def _within(at: time, start: time, end: time) -> bool:
    return start <= at < end if start <= end else at >= start or at < end
