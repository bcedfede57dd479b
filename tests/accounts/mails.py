"""The emails about accounts that a worker would send now."""

from __future__ import annotations

import re

from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client

from accounts.models import AccountMail, EmailAddress
from accounts.services import set_confirmed
from outbox import sending

SITE = "http://127.0.0.1:8000"


def send() -> list[EmailMessage]:
    """Sends all pending ones, and returns them, the first first."""
    before = len(mail.outbox)
    for pk in AccountMail.due().values_list("pk", flat=True):
        sending.send(pk)
    assert not AccountMail.due().exists()
    return mail.outbox[before:]


def sent() -> EmailMessage:
    """The only pending email, after it was sent."""
    [message] = send()
    return message


def link(message: EmailMessage) -> str:
    """The path of the link in an email."""
    found = re.search(rf"^{SITE}(/\S+)/$", str(message.body), re.M)
    assert found, message.body
    return f"{found[1]}/"


def confirm(user: User, address: str = "mina@example.com") -> None:
    """Gives an account a confirmed address."""
    set_confirmed(user=user, address=address)


def set_password(client: Client, path: str, password: str) -> int:
    """Opens a link as a browser does, and sends its form. Returns the status of the response."""
    opened = client.get(path)
    if opened.status_code != 302:
        return opened.status_code
    fields = {"new_password1": password, "new_password2": password}
    return client.post(opened["Location"], fields).status_code


def address_of(user: User) -> tuple[str, str]:
    """The confirmed and the pending address."""
    row = EmailAddress.objects.filter(user=user).first()
    return (row.confirmed, row.pending) if row else ("", "")
