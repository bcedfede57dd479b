"""What is deleted, when, and what stays: docs/privacy.md."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from pytest_django import Settings

from core.deletion import TOGETHER, delete_in_steps
from core.models import Version
from core.tasks import delete_expired_sessions
from feedback.models import INBOX, CapturedEmail, Mail, Message, Rating
from feedback.services import reply_to, submit_message
from feedback.tasks import delete_old_messages
from outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db


def days_ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def message(text: str, **values: object) -> Message:
    written = submit_message(email=f"{text}@example.com", text=text)
    Message.objects.filter(pk=written.pk).update(**values)
    return written


def test_old_spam_and_old_archived_messages_are_deleted_and_all_others_stay(staff: User) -> None:
    message("open", received_at=days_ago(5000), read_at=days_ago(4000))
    message("archived", received_at=days_ago(5000), archived_at=days_ago(729))
    message("spam", spam=True, received_at=days_ago(29))
    message("oldspam", spam=True, received_at=days_ago(31))
    reply_to(message=message("oldarchived", archived_at=days_ago(731)), author=staff, text="Thanks.")
    version = Version.current(INBOX)
    delete_old_messages()
    assert {found.text for found in Message.objects.all()} == {"open", "archived", "spam"}
    assert Mail.objects.count() == OutboxMessage.objects.count() == 3, "an email goes with its message"
    assert Version.current(INBOX) > version
    delete_old_messages()
    assert Version.current(INBOX) == version + 1, "nothing was deleted"


def test_archived_messages_can_be_kept_for_ever(settings: Settings) -> None:
    settings.KEEP_FEEDBACK_DAYS = 0
    message("archived", archived_at=days_ago(5000))
    delete_old_messages()
    assert Message.objects.exists()


def test_old_votes_are_deleted_if_that_is_set(settings: Settings) -> None:
    for days in (31, 29):
        Rating.objects.create(source="s", page="/", visitor=f"v{days}", helpful=True, rated_at=days_ago(days))
    delete_old_messages()
    assert Rating.objects.count() == 2
    settings.KEEP_RATINGS_DAYS = 30
    delete_old_messages()
    assert Rating.objects.get().visitor == "v29"


def test_spam_can_be_kept_for_longer(settings: Settings) -> None:
    settings.KEEP_SPAM_DAYS = 60
    message("spam", spam=True, received_at=days_ago(59))
    message("oldspam", spam=True, received_at=days_ago(61))
    delete_old_messages()
    assert Message.objects.get().text == "spam"


def test_captured_emails_are_deleted_after_a_month() -> None:
    for days in (31, 29):
        CapturedEmail.objects.create(to="mina@example.com", content=b"Subject: Hello", captured_at=days_ago(days))
    delete_old_messages()
    assert CapturedEmail.objects.get().captured_at > days_ago(30)


def test_expired_sessions_are_deleted_and_others_stay() -> None:
    for days in (-1, 1):
        session = SessionStore()
        session.set_expiry(timedelta(days=days))
        session.save()
    assert Session.objects.count() == 2
    delete_expired_sessions()
    assert Session.objects.get().expire_date > timezone.now()


def test_many_rows_are_deleted_in_steps() -> None:
    User.objects.bulk_create(User(username=f"u{number}") for number in range(TOGETHER + 1))
    assert delete_in_steps(User.objects.filter(username__startswith="u")) == TOGETHER + 1
    assert not User.objects.exists()
