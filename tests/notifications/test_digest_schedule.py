"""The windows of a digest: one after the other, by the clock on the person's wall, whatever that does."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from notifications import tasks
from notifications.destinations import email_address
from notifications.digest.quiet_hours import awake_at
from notifications.digest.schedule import next_end
from notifications.models import Delivery, Destination, Notification, NotificationSettings
from notifications.notify import Entry, notify
from notifications.services import set_user_settings
from notifications.types import NotificationType, notification_types

NEW_YORK, SEOUL = "America/New_York", "Asia/Seoul"
NIGHT = {"quiet_from": time(22), "quiet_until": time(9)}


def ends(user_settings: NotificationSettings, after: str, number: int) -> list[str]:
    found, end = [], datetime.fromisoformat(after).replace(tzinfo=UTC)
    for _ in range(number):
        end = next_end(user_settings, end)
        found.append(f"{end.astimezone(UTC):%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("zone", "digest", "quiet", "after", "expected"),
    [
        (SEOUL, "daily", {}, "2026-03-07", ["03-07 23:00", "03-08 23:00", "03-09 23:00"]),
        (NEW_YORK, "daily", {}, "2026-03-07", ["03-07 13:00", "03-08 12:00", "03-09 12:00"]),  # a day of 23 hours
        (NEW_YORK, "daily", {}, "2026-10-31", ["10-31 12:00", "11-01 13:00", "11-02 13:00"]),  # and one of 25
        (SEOUL, "weekly", {}, "2026-03-04", ["03-08 23:00", "03-15 23:00"]),  # Monday there
        (NEW_YORK, "weekly", {}, "2026-02-28", ["03-02 13:00", "03-09 12:00", "03-16 12:00"]),
        (NEW_YORK, "weekly", {}, "2026-10-21", ["10-26 12:00", "11-02 13:00", "11-09 13:00"]),
        (SEOUL, "daily", NIGHT, "2026-03-07", ["03-08 00:00", "03-09 00:00"]),
        (NEW_YORK, "daily", NIGHT, "2026-03-07", ["03-07 14:00", "03-08 13:00"]),
        (NEW_YORK, "weekly", NIGHT, "2026-10-21", ["10-26 13:00", "11-02 14:00"]),
        (SEOUL, "weekly", {"quiet_from": time(7), "quiet_until": time(6)}, "2026-03-04", ["03-09 21:00"]),  # Tuesday
    ],
)
def test_windows_end_at_eight_or_with_the_quiet_hours(
    zone: str, digest: str, quiet: dict[str, Any], after: str, expected: list[str]
) -> None:
    assert ends(NotificationSettings(time_zone=zone, digest=digest, **quiet), after, len(expected)) == expected


def new_york(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "fold", "until", "awake"),
    [
        ("2026-03-08T01:00", 0, time(7), "2026-03-08T11:00"),  # it springs forward in this night
        ("2026-11-01T00:30", 0, time(7), "2026-11-01T12:00"),  # and back in this one
        ("2026-03-08T01:00", 0, time(2, 30), "2026-03-08T07:30"),  # there is no 2:30
        ("2026-11-01T01:10", 0, time(1, 30), "2026-11-01T05:30"),  # there are two: the first
        ("2026-11-01T01:10", 1, time(1, 30), "2026-11-01T06:30"),  # the second, not the one that has gone by
    ],
)
def test_quiet_hours_in_the_nights_of_the_clocks(now: str, fold: int, until: time, awake: str) -> None:
    night = NotificationSettings(time_zone=NEW_YORK, quiet_from=time(22), quiet_until=until)
    assert awake_at(night, new_york(now, fold=fold)) == datetime.fromisoformat(awake).replace(tzinfo=UTC)


MINUTES = st.integers(0, 24 * 60 - 1).map(lambda number: time(number // 60, number % 60))
WHEN = st.datetimes(datetime(2026, 2, 25), datetime(2026, 11, 20), timezones=st.just(UTC))


@given(now=WHEN, start=MINUTES, end=MINUTES, zone=st.sampled_from([SEOUL, NEW_YORK]))
def test_nobody_is_rung_in_the_past_or_kept_quiet_for_ever(now: datetime, start: time, end: time, zone: str) -> None:
    awake = awake_at(NotificationSettings(time_zone=zone, quiet_from=start, quiet_until=end), now)
    assert now <= awake <= now + timedelta(hours=25)


class Numbered(NotificationType):
    name = "numbered"

    def text(self, group: Notification) -> str:
        return f"#{group.subject}#"

    def url(self, group: Notification) -> str:
        return "/"


@pytest.fixture(autouse=True)
def numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(notification_types, "numbered", Numbered())


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([1, 40, 60 * 7, 60 * 24, 60 * 100])),  # minutes
        st.tuples(st.just("ring"), st.just(None)),
        st.tuples(st.just("beat"), st.sampled_from([1, 2])),  # as often
        st.tuples(st.just("crash"), st.just(None)),
        st.tuples(
            st.just("choose"),
            st.fixed_dictionaries(
                {
                    "digest": st.sampled_from(["daily", "weekly"]),
                    "time_zone": st.sampled_from([SEOUL, NEW_YORK]),
                    "quiet_from": st.just(time(22)),
                    "quiet_until": st.sampled_from([time(7), time(9), time(1, 30)]),
                }
            ),
        ),
    ),
    max_size=14,
)


class AnyHistory(TestCase):
    """Beat may be away, come twice or die before its commit, people change their minds: each ring is in one mail."""

    @settings(max_examples=120)
    @given(STEPS, st.sampled_from(["2026-03-06", "2026-10-30", "2026-06-01"]))
    def test_windows_partition_time(self, steps: list[tuple[str, Any]], start: str) -> None:
        self.clock = datetime.fromisoformat(start).replace(tzinfo=UTC)
        self.rung = 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(timezone, "now", lambda: self.clock)
            patch.setattr(tasks, "ask", lambda deliveries: None)
            self.user = User.objects.create(username="mina")
            set_user_settings(user=self.user.pk, digest="daily", time_zone=SEOUL)
            email_address.set_address(user=self.user.pk, address="mina@example.com")
            email_address.confirm(destination=Destination.objects.get())
            for verb, value in [*steps, ("wait", 60 * 24 * 8), ("beat", 1)]:
                getattr(self, verb)(value)
                self.clock += timedelta(seconds=1)
        described = "".join(str(row.content["text"]) for row in Delivery.objects.filter(content__type="digest"))
        assert [described.count(f"#{number}#") for number in range(self.rung)] == [1] * self.rung

    def wait(self, minutes: int) -> None:
        self.clock += timedelta(minutes=minutes)

    def ring(self, _: None) -> None:
        notify([Entry(self.user.pk, "numbered", str(self.rung))])
        self.rung += 1

    def beat(self, times: int) -> None:
        for _ in range(times):
            tasks.send_digest(NotificationSettings.objects.get().pk)

    def crash(self, _: None) -> None:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError):
            patch.setattr(Delivery.objects, "create", died)
            tasks.send_digest(NotificationSettings.objects.get().pk)
            raise OSError  # nothing was due

    def choose(self, user_settings: dict[str, Any]) -> None:
        set_user_settings(user=self.user.pk, **user_settings)


def died(**_: object) -> None:
    raise OSError
