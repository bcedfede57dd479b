"""Hands one email to the mail server and decides what its response means."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from smtplib import SMTP, SMTP_SSL, SMTPRecipientsRefused, SMTPResponseException
from typing import Any

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends import smtp
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.translation import gettext_noop

from outbox.models import OutboxMessage
from outbox.outcome import LeaseLost, Outcome, Status

NO_RESPONSE = gettext_noop(
    "The mail server stopped responding after receiving the message. It may have been delivered."
)
START_MAIL_INPUT = 354  # the response to DATA (RFC 5321, 4.2.3): nothing of the email has been sent before
log = logging.getLogger(__name__)


class HandOverSMTP(SMTP):
    """Calls ``before_content`` right before the content of the email is sent, and keeps the server's response to it."""

    before_content: Callable[[], None] = staticmethod(lambda: None)
    response = ""

    def getreply(self) -> tuple[int, bytes]:
        code, text = super().getreply()
        if code == START_MAIL_INPUT:
            try:
                self.before_content()
            except Exception:
                self.close()  # the server waits for the content, so it would take QUIT for a part of it
                raise
        return code, text

    def data(self, msg: Any) -> tuple[int, bytes]:
        code, text = super().data(msg)
        self.response = _one_line(code, text)
        return code, text


class HandOverSMTPSSL(HandOverSMTP, SMTP_SSL):
    """The same over TLS from the first byte."""


class EmailBackend(smtp.EmailBackend):
    """Django's SMTP backend with these connections."""

    @property
    def connection_class(self) -> type[HandOverSMTP]:
        return HandOverSMTPSSL if self.use_ssl else HandOverSMTP


@contextmanager
def connected() -> Iterator[BaseEmailBackend]:
    """Closes the connection whatever happens. A server that does not answer QUIT changes nothing."""
    connection = get_connection()
    try:
        yield connection
    finally:
        try:
            connection.close()
        except Exception as error:
            log.info("the mail server did not answer QUIT: %r", error)


def hand_over(message: OutboxMessage, email: EmailMessage, connection: BaseEmailBackend) -> Outcome:
    """Sends the email of a claimed message. Raises `LeaseLost` if another worker may have it by now."""
    try:
        connection.open()
    except Exception as error:  # before the email was mentioned, so retry even after 5xx
        return Outcome(Status.RETRYING, _reason(error))
    server = getattr(connection, "connection", None)
    if isinstance(server, HandOverSMTP):
        server.before_content = message.mark_handed_over
    else:  # a backend without a server, such as the captured emails of development
        message.mark_handed_over()
    try:
        connection.send_messages([email])
    except LeaseLost:
        raise
    except Exception as error:
        return _outcome_of(error, handed_over=bool(message.handed_over_at))
    return Outcome(Status.ACCEPTED, getattr(server, "response", ""))


def _outcome_of(error: Exception, *, handed_over: bool) -> Outcome:
    """5xx is final, 4xx is retried. Without a response: UNKNOWN if the server may have the email, else retried."""
    if isinstance(error, SMTPRecipientsRefused):
        error = SMTPResponseException(*next(iter(error.recipients.values())))
    if isinstance(error, SMTPResponseException) and error.smtp_code >= 400:
        return Outcome(Status.FAILED if error.smtp_code >= 500 else Status.RETRYING, _reason(error))
    if handed_over:
        log.warning("no response after DATA: %r", error)
        return Outcome(Status.UNKNOWN, NO_RESPONSE)
    return Outcome(Status.RETRYING, _reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, SMTPResponseException):
        return _one_line(error.smtp_code, error.smtp_error)
    return f"{type(error).__name__}: {error}"[:500]


def _one_line(code: int, text: bytes | str) -> str:
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(text.split())}"[:500]
