"""A password reset with a real worker, the real Redis and a real mail server."""

from __future__ import annotations

from email.message import Message

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.models import AccountMail
from outbox.outcome import Status
from outbox.services import retry
from tests.accounts.mails import SITE, confirm, set_password
from tests.live import until
from tests.outbox.mail_server import MailServer, listening
from tests.outbox.workers import worker

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "an entirely new phrase"


def text(message: Message) -> str:
    return bytes(message.get_payload(decode=True)).decode()


def test_a_reset_arrives_after_the_mail_server_was_busy_and_each_attempt_has_a_link_that_works(mina: User) -> None:
    confirm(mina)
    server = MailServer()
    server.data.extend(["451 busy"])
    with listening(server) as port, worker(EMAIL_URL=f"smtp://127.0.0.1:{port}"):
        for address in ("nobody@example.com", "mina@example.com"):
            assert Client().post("/accounts/password/reset/", {"email": address}).status_code == 302
        until(lambda: AccountMail.objects.filter(status=Status.RETRYING).exists(), "no attempt")
        mail = AccountMail.objects.get()
        assert (mail.to, mail.response) == ("mina@example.com", "451 busy")
        assert retry(pk=mail.pk), "as staff does on the monitoring page"
        until(lambda: server.received, "no email")
    [message] = server.received
    assert (message["To"], message["Subject"]) == ("mina@example.com", "Reset your password")
    path = next(line for line in text(message).splitlines() if line.startswith(SITE)).removeprefix(SITE)
    assert set_password(Client(), path, NEW) == 302
    assert User.objects.get().check_password(NEW)
