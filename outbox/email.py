"""Email as a transport of the outbox. Its content is written when the message is stored, so every attempt sends the
same email with the same Message-ID."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from outbox import smtp
from outbox.models import OutboxMessage, new_identity
from outbox.outcome import Outcome
from outbox.transports import Transport, register

EMAIL = "email"


@register
class Email(Transport):
    name = EMAIL
    queue = "mail"

    def send(self, message: OutboxMessage) -> Outcome:
        with smtp.connected() as connection:
            return smtp.hand_over(message, compose(message.content), connection)


def email_row(
    *,
    to: str,
    subject: str,
    text: str,
    priority: int,
    type: str = "",
    html: str = "",
    headers: dict[str, str] | None = None,
    identity: str = "",
) -> dict[str, Any]:
    """The values of an outbox row that sends an email. Without an ``identity`` it gets a new one."""
    identity = identity or new_identity()
    all_headers = {"Message-ID": f"<{identity}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2]}>", **(headers or {})}
    content = {"type": type, "to": to, "subject": subject, "text": text, "html": html, "headers": all_headers}
    return {"transport": EMAIL, "priority": priority, "identity": identity, "content": content}


def compose(content: dict[str, Any]) -> EmailMultiAlternatives:
    return EmailMultiAlternatives(
        content["subject"],
        content["text"],
        settings.DEFAULT_FROM_EMAIL,
        [content["to"]],
        headers=content["headers"],
        alternatives=[(content["html"], "text/html")] if content["html"] else None,
    )
