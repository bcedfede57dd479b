"""Email as a transport of the outbox. Its content is written when the message is stored, so every attempt sends the
same email with the same Message-ID."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from outbox import smtp
from outbox.models import OutboxMessage
from outbox.outcome import Outcome
from outbox.transports import Transport, register

EMAIL = "email"


@register
class Email(Transport):
    name = EMAIL

    def send(self, message: OutboxMessage) -> Outcome:
        with smtp.connected() as connection:
            return smtp.hand_over(message, compose(message.content), connection)


def email_content(
    *, to: str, subject: str, text: str, identity: str, html: str = "", headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """The content of an outbox message with transport "email" and this identity."""
    headers = {"Message-ID": message_id(identity), **(headers or {})}
    return {"to": to, "subject": subject, "text": text, "html": html, "headers": headers}


def message_id(identity: str) -> str:
    return f"<{identity}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2]}>"


def compose(content: dict[str, Any]) -> EmailMultiAlternatives:
    return EmailMultiAlternatives(
        content["subject"],
        content["text"],
        settings.DEFAULT_FROM_EMAIL,
        [content["to"]],
        headers=content["headers"],
        alternatives=[(content["html"], "text/html")] if content["html"] else None,
    )
