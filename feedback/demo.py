"""Messages for a development site that has none: one in each state."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from feedback.models import Mail, Message
from outbox.email import email_row
from outbox.outcome import Status

MESSAGES = [  # from, hours ago, state, text
    ("dahye@example.com", 70, "spam", "Make money fast! http://casino.example http://casino.example/2"),
    ("sora@example.com", 51, "answered", "The heart is lovely. On my old phone it takes a second tap."),
    ("typo@exmaple.test", 27, "failed", "Please tell me when the Korean pages are ready."),
    ("minsu@example.com", 26, "archived", "Thank you for the dark colours!"),
    ("yuna@example.com", 4, "read", "글을 쓰다가 새로 고치면 쓰던 글이 사라져요. 임시 저장이 되면 좋겠습니다."),
    ("alex@example.com", 1, "new", "How do I export my likes?\nI could not find it on any page."),
]
ANSWER = "Thank you! The second tap is gone in the version of today."


def load() -> None:
    """Writes the rows without the services, so nothing is broadcast and no email is sent."""
    for email, hours, state, text in MESSAGES:
        at = timezone.now() - timedelta(hours=hours, minutes=7)
        handled_at = at + timedelta(minutes=20)
        message = Message.objects.create(
            email=email,
            text=text,
            page="/",
            received_at=at,
            spam=state == "spam",
            read_at=None if state in ("new", "spam") else handled_at,
            archived_at=handled_at if state == "archived" else None,
            answered_at=handled_at if state == "answered" else None,
        )
        if state != "spam":
            _create_mail(message, Mail.Type.CONFIRMATION, at, Status.FAILED if state == "failed" else Status.ACCEPTED)
        if state == "answered":
            _create_mail(message, Mail.Type.REPLY, handled_at, Status.ACCEPTED)


def _create_mail(message: Message, type: Mail.Type, at: datetime, status: Status) -> None:
    response = "550 5.1.1 <typo@exmaple.test>: no such domain" if status == Status.FAILED else "250 2.0.0 Ok"
    is_reply = type == Mail.Type.REPLY
    mail = Mail.objects.create(
        message=message,
        type=type,
        author="staff" if is_reply else "",
        to=message.email,
        mailbox=message.email,
        text=ANSWER if is_reply else "",
        status=status,
        attempt_count=1,
        created_at=at,
        enqueued_at=at,
        queued_at=at,
        started_at=at,
        ended_at=at,
        response=response,
        **email_row(to=message.email, subject="Your Feedback", text=message.text, priority=Mail.PRIORITIES[type]),
    )
    message.touch()
    mail.attempts.create(started_at=at, ended_at=at, status=status, response=response)
