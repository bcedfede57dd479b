"""Hands one mail to the mail server, and judges what came of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from smtplib import SMTP, SMTPRecipientsRefused, SMTPResponseException
from typing import NamedTuple

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.translation import gettext_noop

from outbox.models import Outbox, Status, Taken

SILENT = gettext_noop("The mail server stopped responding after receiving the message. It may have been delivered.")
log = logging.getLogger(__name__)


class Outcome(NamedTuple):
    status: Status
    said: str


def message_id(key: str) -> str:
    return f"<{key}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2]}>"


@contextmanager
def connected() -> Iterator[BaseEmailBackend]:
    """Closes the connection whatever happens; a server that will not say goodbye changes nothing."""
    connection = get_connection()
    try:
        yield connection
    finally:
        try:
            connection.close()
        except Exception as error:
            log.info("the mail server did not say goodbye: %r", error)


def hand_over(row: Outbox, mail: EmailMessage, connection: BaseEmailBackend) -> Outcome:
    """Sends the mail of a claimed row. Raises `Taken` where another worker may have it by now."""
    try:
        connection.open()
    except Exception as error:  # refused before our mail was mentioned: it is not the mail's fault, so try again
        return Outcome(Status.RETRYING, _told(error))
    answer = _mark_risk(row, connection)
    try:
        connection.send_messages([mail])
    except Taken:
        raise
    except Exception as error:
        return _judge(error, exposed=bool(row.exposed_at))
    return Outcome(Status.ACCEPTED, " ".join(answer))


def _mark_risk(row: Outbox, connection: BaseEmailBackend) -> list[str]:
    """The row is marked right before DATA. Returns the list that will hold the server's answer to it."""
    answer: list[str] = []
    smtp = getattr(connection, "connection", None)
    if not isinstance(smtp, SMTP):
        row.expose()
        return answer

    def data(content: bytes) -> tuple[int, bytes]:
        row.expose()
        code, text = SMTP.data(smtp, content)
        answer[:] = [_line(code, text)]
        return code, text

    smtp.data = data  # type: ignore[method-assign, assignment]
    return answer


def _judge(error: Exception, *, exposed: bool) -> Outcome:
    """An answer of 5xx is final, 4xx is not; no answer after the moment of risk is unknown, before it harmless."""
    if isinstance(error, SMTPRecipientsRefused):
        error = SMTPResponseException(*next(iter(error.recipients.values())))
    if isinstance(error, SMTPResponseException) and error.smtp_code >= 400:
        return Outcome(Status.FAILED if error.smtp_code >= 500 else Status.RETRYING, _told(error))
    if exposed:
        log.warning("no answer after DATA: %r", error)
        return Outcome(Status.UNKNOWN, SILENT)
    return Outcome(Status.RETRYING, _told(error))


def _told(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        return _line(error.smtp_code, error.smtp_error)
    return f"{type(error).__name__}: {error}"[:500]


def _line(code: int, text: bytes | str) -> str:
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(text.split())}"[:500]
