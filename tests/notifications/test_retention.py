"""Old notifications are deleted if that is set, and the bell does not notice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from core.models import Version
from notifications.bell import bell_of
from notifications.models import Notification
from notifications.tasks import delete_old_notifications

pytestmark = pytest.mark.django_db


def write(user: User, subject: str, days: int, **values: object) -> None:
    at = timezone.now() - timedelta(days=days)
    group = {"type": "likes", "count": 1, "alert_level": 2, "unseen": False, "version": 3, **values}
    Notification.objects.create(recipient=user, subject=subject, changed_at=at, **group)


def subjects(user: User) -> set[str]:
    return set(Notification.objects.filter(recipient=user).values_list("subject", flat=True))


@pytest.fixture
def groups(mina: User, jun: User) -> None:
    now = timezone.now()
    write(mina, "read", 31, read_at=now)
    write(mina, "archived", 31, archived_at=now)
    write(mina, "hidden", 31, count=0, unseen=True)
    write(mina, "unread", 31, unseen=True)
    write(mina, "new", 29, read_at=now)
    write(mina, "pending", 31, read_at=now, fan_out_pending=True)
    write(jun, "only", 31, read_at=now)


def test_they_are_kept_by_default(groups: None, mina: User) -> None:
    delete_old_notifications()
    assert len(subjects(mina)) == 6


def test_what_was_read_goes_and_the_bell_keeps_number_and_version(
    groups: None, mina: User, jun: User, settings: Settings
) -> None:
    settings.KEEP_NOTIFICATIONS_DAYS = 30
    Version.increase(f"bell.{mina.pk}")
    before = bell_of(mina.pk)
    assert (before.unread, before.version) == (1, 1)
    delete_old_notifications()
    assert subjects(mina) == {"unread", "new", "pending"}
    assert subjects(jun) == set()
    assert bell_of(mina.pk) == before
