"""Whom feedback rings for: the staff, the sender who has an account, and who has asked for an export."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from live.broadcast import broadcast
from notifications.notify import Entry, notify


def new_message() -> None:
    _tell("feedback", _staff(), "inbox", f"{timezone.now():%Y-%m-%d}")


def email_failed(*, message_id: int) -> None:
    _tell("mailfailed", _staff(), f"message.{message_id}")


def reply_arrived(token: str, visitor: str) -> None:
    """Only an account has a bell."""
    pk = visitor[1:] if visitor.startswith("u") and visitor[1:].isdecimal() else 0
    _tell("reply", User.objects.filter(pk=pk, is_active=True).values_list("pk", flat=True), f"receipt.{token}")


def export_ready(task: str, user: int) -> None:
    _tell("export", User.objects.filter(pk=user).values_list("pk", flat=True), f"export.{task}")


def _staff() -> Iterable[int]:
    return User.objects.filter(is_active=True, is_staff=True).values_list("pk", flat=True)


@transaction.atomic
def _tell(notification_type: str, users: Iterable[int], subject: str, period: str = "") -> None:
    bells = notify(Entry(user, notification_type, subject, period) for user in users)
    transaction.on_commit(lambda: broadcast(bells))
