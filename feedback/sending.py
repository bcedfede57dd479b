"""What happens to a message of feedback while the outbox sends one of its emails."""

from __future__ import annotations

from feedback.models import Mail
from feedback.notify import email_failed
from feedback.topics import message_events
from live.broadcast import broadcast
from outbox.outcome import UNDELIVERED, Outcome
from outbox.transports import MessageHandler


class MailHandler(MessageHandler):
    related = ("message",)

    def changed(self, mail: Mail) -> None:
        mail.message.touch()

    def settled(self, mail: Mail, outcome: Outcome) -> None:
        if mail.status in UNDELIVERED:
            email_failed(message_id=mail.message_id)

    def broadcast(self, mail: Mail) -> None:
        broadcast(message_events(mail.message_id))
