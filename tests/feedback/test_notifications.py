"""Who gets the notifications of feedback."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest
from django.contrib.auth.models import User

from feedback import notify, tasks
from feedback.models import Message
from feedback.services import reply_to, submit_message
from notifications import selectors
from notifications.models import Notification
from notifications.types import notification_types
from outbox import sending
from outbox.outcome import Outcome, Status

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_broadcast() -> Iterator[None]:
    with mock.patch("feedback.notify.broadcast"):
        yield


@pytest.fixture
def staff(db: None) -> list[User]:
    return [User.objects.create_user(name, is_staff=True) for name in ("ann", "bob")]


def texts(user: User) -> list[str]:
    return [group.text for group in selectors.page(user_id=user.pk).groups]


def write(**values: object) -> Message:
    return submit_message(**{"email": "eve@example.org", "text": "Hello", **values})  # type: ignore[arg-type]


def test_staff_get_one_group_for_all_new_messages_of_a_day(staff: list[User], mina: User) -> None:
    write(form="1")
    write(form="1")
    for user in staff:
        assert texts(user) == ["New message in the inbox"]
    write(form="2")
    for user in staff:
        assert texts(user) == ["2 new messages in the inbox"]
    assert texts(mina) == []


def test_spam_notifies_nobody_and_inactive_staff_are_not_notified(staff: list[User]) -> None:
    User.objects.filter(username="bob").update(is_active=False)
    submit_message(email="eve@example.org", text="Buy", spam=True)
    assert not Notification.objects.exists()
    write()
    assert Notification.objects.count() == 1


@pytest.mark.parametrize(
    ("status", "notified"),
    [(Status.FAILED, True), (Status.UNKNOWN, True), (Status.RETRYING, False), (Status.ACCEPTED, False)],
)
def test_staff_are_notified_of_an_undelivered_email_but_not_of_a_retry(
    staff: list[User], status: Status, notified: bool
) -> None:
    message = write()
    mail = message.mails.get()
    assert sending._claim(mail) and sending._settle(mail, Outcome(status, "550 no"))
    groups = Notification.objects.filter(type="mailfailed")
    assert groups.count() == (2 if notified else 0)
    for group in groups:
        assert notification_types["mailfailed"].url(group) == f"/inbox/{message.pk}/"
        assert "eve" not in notification_types["mailfailed"].text(group)


def test_a_sender_with_an_account_is_notified_of_the_reply_once(staff: list[User], mina: User) -> None:
    message = write(account=mina, text="Why is it red?")
    reply_to(message=message, author=staff[0], text="Because.", form="1")
    reply_to(message=message, author=staff[0], text="Because.", form="1")
    group = selectors.page(user_id=mina.pk).groups[0]
    assert (group.text, group.detail, group.count) == ("Your message got a reply", "Why is it red?", 1)
    assert notification_types["reply"].url(group) == f"/feedback/{message.token}/"


@pytest.mark.parametrize("account", ["none", "inactive", "deleted"])
def test_a_sender_without_an_account_is_not_notified(staff: list[User], mina: User, account: str) -> None:
    message = write(account=None if account == "none" else mina)
    if account == "inactive":
        User.objects.filter(pk=mina.pk).update(is_active=False)
    if account == "deleted":
        mina.delete()
    message.refresh_from_db()
    reply_to(message=message, author=staff[0], text="Because.")
    assert not Notification.objects.filter(type="reply").exists()


def test_only_the_user_who_started_an_export_is_notified_when_it_is_ready(staff: list[User]) -> None:
    write()
    tasks.export.apply(["csv", "all", staff[0].pk], task_id="00000000-0000-0000-0000-000000000001")
    assert "Your export is ready" in texts(staff[0])
    assert "Your export is ready" not in texts(staff[1])
    notify.export_ready("x", 0)
