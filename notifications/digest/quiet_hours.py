"""Quiet hours: a span of each day, by the clock on the person's wall."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifications.models import Habits


def awake_at(habits: Habits | None, now: datetime) -> datetime:
    """When this person may be rung: now, or the end of the quiet hours that now is in."""
    if not habits or not habits.quiet_from or not habits.quiet_until:
        return now
    here = now.astimezone(ZoneInfo(habits.time_zone))
    if not _within(here.time(), habits.quiet_from, habits.quiet_until):
        return now
    day = here.date() + timedelta(days=here.time() >= habits.quiet_until)
    end = datetime.combine(day, habits.quiet_until, here.tzinfo).replace(fold=here.fold)  # of an hour that comes twice
    return end.astimezone(now.tzinfo)


def _within(at: time, start: time, end: time) -> bool:
    return start <= at < end if start <= end else at >= start or at < end
