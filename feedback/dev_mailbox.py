"""The email backend of development: each email becomes a row, which staff read in the browser."""

from __future__ import annotations

import email
import re
from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage as Parsed
from email.policy import default

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from core.deletion import delete_in_steps
from feedback.models import CapturedEmail

NAME = re.compile(r"([0-9]{1,18})\.eml")
MAX_LISTED = 100
KEPT = timedelta(days=30)


class EmailBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            content = message.message().as_bytes()
            CapturedEmail.objects.create(to=", ".join(message.recipients()), content=content)
        return len(email_messages)


def in_use() -> bool:
    """True if emails are captured instead of being sent."""
    return bool(settings.SLOW_MAIL) or settings.EMAIL_BACKEND.startswith("feedback.")


def latest() -> list[tuple[str, Parsed]]:
    return [(captured.name, _parsed(captured)) for captured in CapturedEmail.objects.all()[:MAX_LISTED]]


def read(name: str) -> Parsed:
    """Raises `CapturedEmail.DoesNotExist` for any other name."""
    match = NAME.fullmatch(name)
    return _parsed(CapturedEmail.objects.get(pk=match[1] if match else 0))


def _parsed(captured: CapturedEmail) -> Parsed:
    return email.message_from_bytes(bytes(captured.content), policy=default)


def delete_old() -> None:
    delete_in_steps(CapturedEmail.objects.filter(captured_at__lt=timezone.now() - KEPT))
