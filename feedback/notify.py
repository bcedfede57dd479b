"""Notifies staff, a sender who has an account, and the user who started an export."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from feedback.models import Message
from live.broadcast import broadcast
from notifications.notify import Entry, notify


def new_message() -> None:
    _notify("feedback", _staff_ids(), "inbox", f"{timezone.now():%Y-%m-%d}")


def email_failed(*, message_id: int) -> None:
    _notify("mailfailed", _staff_ids(), f"message.{message_id}")


def reply_arrived(message: Message) -> None:
    """Only a sender with an account has a bell."""
    sender = User.objects.filter(pk=message.account_id or 0, is_active=True)
    _notify("reply", sender.values_list("pk", flat=True), f"receipt.{message.token}")


def export_ready(task_id: str, user_id: int) -> None:
    _notify("export", User.objects.filter(pk=user_id).values_list("pk", flat=True), f"export.{task_id}")


def _staff_ids() -> Iterable[int]:
    return User.objects.filter(is_active=True, is_staff=True).values_list("pk", flat=True)


@transaction.atomic
def _notify(notification_type: str, user_ids: Iterable[int], subject: str, period: str = "") -> None:
    events = notify(Entry(user_id, notification_type, subject, period) for user_id in user_ids)
    transaction.on_commit(lambda: broadcast(events))
