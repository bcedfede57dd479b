"""Digest periods follow one another without a gap, in local time, also when the clocks change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from notifications import tasks
from notifications.destinations import email_address
from notifications.digest.schedule import COMMIT_TIME, next_end
from notifications.models import Delivery, Destination, Notification, NotificationSettings
from notifications.notify import Entry, notify
from notifications.services import set_notification_settings
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
        (SEOUL, "weekly", {}, "2026-03-04", ["03-08 23:00", "03-15 23:00"]),  # Monday in Seoul
        (NEW_YORK, "weekly", {}, "2026-02-28", ["03-02 13:00", "03-09 12:00", "03-16 12:00"]),
        (NEW_YORK, "weekly", {}, "2026-10-21", ["10-26 12:00", "11-02 13:00", "11-09 13:00"]),
        (SEOUL, "daily", NIGHT, "2026-03-07", ["03-08 00:00", "03-09 00:00"]),
        (NEW_YORK, "daily", NIGHT, "2026-03-07", ["03-07 14:00", "03-08 13:00"]),
        (NEW_YORK, "weekly", NIGHT, "2026-10-21", ["10-26 13:00", "11-02 14:00"]),
        (SEOUL, "weekly", {"quiet_from": time(7), "quiet_until": time(6)}, "2026-03-04", ["03-09 21:00"]),  # Tuesday
    ],
)
def test_digest_periods_end_at_eight_or_with_the_quiet_hours(
    zone: str, digest: str, quiet: dict[str, Any], after: str, expected: list[str]
) -> None:
    assert ends(NotificationSettings(time_zone=zone, digest=digest, **quiet), after, len(expected)) == expected


class Numbered(NotificationType):
    name = "numbered"

    def text(self, group: Notification) -> str:
        return f"#{group.subject}#"

    def url(self, group: Notification) -> str:
        return "/"


@pytest.fixture(autouse=True)
def numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(notification_types, "numbered", Numbered())


@pytest.fixture
def daily(mina: User, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """An account that has subscribed at noon on 1 March, in UTC. Returns the digests that beat has sent by a time."""
    moment = [utc("2026-03-01T12:00")]
    monkeypatch.setattr(timezone, "now", lambda: moment[0])
    set_notification_settings(user_id=mina.pk, digest="daily", time_zone="UTC")
    email_address.set_address(user_id=mina.pk, address="mina@example.com")
    email_address.confirm(destination=Destination.objects.get())

    def at(text: str) -> list[str]:
        moment[0] = utc(text)
        tasks.send_digest(NotificationSettings.objects.get().pk)
        return [str(row.content["text"]) for row in Delivery.objects.filter(content__type="digest").order_by("pk")]

    return at


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def notify_at(user: User, text: str) -> None:
    """A notification whose text is "#<time>#"."""
    notify([Entry(user.pk, "numbered", text)], at=utc(text))


def test_a_notification_at_the_very_end_of_a_period_is_in_the_next_digest(
    mina: User, daily: Callable[[str], list[str]]
) -> None:
    end = "2026-03-02T08:00"
    notify_at(mina, end)
    assert daily("2026-03-02T09:00") == []
    [digest] = daily("2026-03-03T09:00")
    assert f"#{end}#" in digest
    assert len(daily("2026-03-04T09:00")) == 1


def test_a_period_ends_only_when_every_notification_of_it_is_committed(
    mina: User, daily: Callable[[str], list[str]]
) -> None:
    notify_at(mina, "2026-03-02T07:59:59")
    late = COMMIT_TIME - timedelta(seconds=1)
    assert daily(f"{utc('2026-03-02T08:00') + late:%Y-%m-%dT%H:%M:%S}") == []
    assert len(daily(f"{utc('2026-03-02T08:00') + COMMIT_TIME:%Y-%m-%dT%H:%M:%S}")) == 1
    assert NotificationSettings.objects.get().digest_at == utc("2026-03-03T08:00")


def test_if_beat_has_missed_some_ends_one_digest_covers_all_periods_that_have_settled(
    mina: User, daily: Callable[[str], list[str]]
) -> None:
    days = ["2026-03-01T13:00", "2026-03-03T13:00", "2026-03-04T07:00"]
    for day in [*days, "2026-03-04T13:00"]:
        notify_at(mina, day)
    late = utc("2026-03-05T08:00") + COMMIT_TIME / 2
    [digest] = daily(f"{late:%Y-%m-%dT%H:%M:%S}")
    assert all(f"#{day}#" in digest for day in days)
    assert "#2026-03-04T13:00#" not in digest, "that period has not settled yet"
    assert NotificationSettings.objects.get().digest_since == utc("2026-03-04T08:00")


MINUTES = [1, 40, 60 * 7, 60 * 24, 60 * 100]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from(MINUTES)),
        st.tuples(st.just("notify"), st.just(None)),
        st.tuples(st.just("beat"), st.sampled_from([1, 2])),  # times
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
    """Whenever beat runs, twice or not, or crashes before its commit, and whatever people choose meanwhile."""

    @settings(max_examples=120)
    @given(STEPS, st.sampled_from(["2026-03-06", "2026-10-30", "2026-06-01"]))
    def test_each_notification_is_in_one_digest(self, steps: list[tuple[str, Any]], start: str) -> None:
        self.clock = datetime.fromisoformat(start).replace(tzinfo=UTC)
        self.notified = 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(timezone, "now", lambda: self.clock)
            patch.setattr(tasks, "enqueue", lambda deliveries: True)
            self.user = User.objects.create(username="mina")
            set_notification_settings(user_id=self.user.pk, digest="daily", time_zone=SEOUL)
            email_address.set_address(user_id=self.user.pk, address="mina@example.com")
            email_address.confirm(destination=Destination.objects.get())
            for step, value in [*steps, ("wait", 60 * 24 * 8), ("beat", 1)]:
                getattr(self, step)(value)
                self.clock += timedelta(seconds=1)
        texts = "".join(str(row.content["text"]) for row in Delivery.objects.filter(content__type="digest"))
        assert [texts.count(f"#{number}#") for number in range(self.notified)] == [1] * self.notified

    def wait(self, minutes: int) -> None:
        self.clock += timedelta(minutes=minutes)

    def notify(self, _: None) -> None:
        notify([Entry(self.user.pk, "numbered", str(self.notified))])
        self.notified += 1

    def beat(self, times: int) -> None:
        for _ in range(times):
            tasks.send_digest(NotificationSettings.objects.get().pk)

    def crash(self, _: None) -> None:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError):
            patch.setattr(Delivery.objects, "create", crash)
            tasks.send_digest(NotificationSettings.objects.get().pk)
            raise OSError  # even if no digest was due

    def choose(self, values: dict[str, Any]) -> None:
        set_notification_settings(user_id=self.user.pk, **values)


def crash(**_: object) -> None:
    raise OSError
