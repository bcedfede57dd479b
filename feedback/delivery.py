"""Hands one mail to the mail server and stores what came of it."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import EmailMessage

from feedback.outbox import Mail
from outbox import smtp
from outbox.models import Taken

log = logging.getLogger(__name__)


def deliver(mail: Mail) -> None:
    """Sends a claimed mail and stores what became of it before anything else can go wrong."""
    with smtp.connected() as connection:
        try:
            outcome = smtp.hand_over(mail, compose(mail), connection)
        except Taken:
            log.warning("mail %d: the lease ran out before it was sent", mail.pk)
            return
        mail.settle(*outcome)


def compose(mail: Mail) -> EmailMessage:
    headers = {"Message-ID": mail.identity}
    if mail.answers:
        headers |= {"In-Reply-To": mail.answers, "References": mail.answers}
    if mail.kind == Mail.Kind.CONFIRMATION:
        headers["Auto-Submitted"] = "auto-replied"
    return EmailMessage(mail.subject, mail.body, settings.FEEDBACK_FROM, [mail.to], headers=headers)
