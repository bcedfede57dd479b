"""Messages wait for the end of the quiet hours, in the local time of the account."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.digest.quiet_hours import may_send_at
from notifications.models import NotificationSettings

NEW_YORK, SEOUL = "America/New_York", "Asia/Seoul"
NIGHT = NotificationSettings(time_zone=SEOUL, quiet_from=time(22), quiet_until=time(7))
MINUTES = st.integers(0, 24 * 60 - 1).map(lambda number: time(number // 60, number % 60))
TIMES = st.datetimes(datetime(2026, 2, 25), datetime(2026, 11, 20), timezones=st.just(UTC))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def new_york(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-24T12:59:59", "2026-11-24T12:59:59"),  # 21:59:59 in Seoul
        ("2026-11-24T13:00:00", "2026-11-24T22:00:00"),
        ("2026-11-24T20:00:00", "2026-11-24T22:00:00"),  # after midnight in Seoul
        ("2026-11-24T22:00:00", "2026-11-24T22:00:00"),
    ],
)
def test_quiet_hours_over_midnight_postpone_until_they_end(now: str, expected: str) -> None:
    assert may_send_at(NIGHT, utc(now)) == utc(expected)
    assert may_send_at(None, utc(now)) == utc(now), "an account without settings has no quiet hours"


def test_quiet_hours_within_a_day_postpone_until_they_end() -> None:
    nap = NotificationSettings(time_zone="UTC", quiet_from=time(13), quiet_until=time(14))
    assert may_send_at(nap, utc("2026-11-24T13:30:00")) == utc("2026-11-24T14:00:00")
    assert may_send_at(nap, utc("2026-11-24T13:00:00")) == utc("2026-11-24T14:00:00")
    for free in ("2026-11-24T12:59:59", "2026-11-24T14:00:00", "2026-11-24T14:30:00"):
        assert may_send_at(nap, utc(free)) == utc(free)


@pytest.mark.parametrize(
    ("now", "fold", "until", "expected"),
    [
        ("2026-03-08T01:00", 0, time(7), "2026-03-08T11:00"),  # summer time begins in this night
        ("2026-11-01T00:30", 0, time(7), "2026-11-01T12:00"),  # and ends in this one
        ("2026-03-08T01:00", 0, time(2, 30), "2026-03-08T07:30"),  # there is no 2:30
        ("2026-11-01T01:10", 0, time(1, 30), "2026-11-01T05:30"),  # there are two 1:30: the first
        ("2026-11-01T01:10", 1, time(1, 30), "2026-11-01T06:30"),  # the second: the first has passed
    ],
)
def test_quiet_hours_end_at_their_local_time_when_the_clocks_change(
    now: str, fold: int, until: time, expected: str
) -> None:
    night = NotificationSettings(time_zone=NEW_YORK, quiet_from=time(22), quiet_until=until)
    assert may_send_at(night, new_york(now, fold=fold)) == utc(expected)


@given(now=TIMES, start=MINUTES, end=MINUTES, zone=st.sampled_from([SEOUL, NEW_YORK]))
def test_quiet_hours_never_end_in_the_past_or_after_more_than_a_day(
    now: datetime, start: time, end: time, zone: str
) -> None:
    at = may_send_at(NotificationSettings(time_zone=zone, quiet_from=start, quiet_until=end), now)
    assert now <= at <= now + timedelta(hours=25)
