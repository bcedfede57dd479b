"""The emails about accounts. Their texts and links are made when they are sent, by a worker.

That takes the same time for every address that is typed into the form of a password reset: the web process stores the
address, and the worker finds out whether an account has it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from accounts import links
from accounts.models import AccountMail, EmailAddress
from accounts.selectors import account_to_reset
from outbox import smtp
from outbox.email import Email, compose, email_row
from outbox.models import OutboxMessage
from outbox.outcome import Outcome
from outbox.transports import MessageHandler, register

ACCOUNT_EMAIL = "account email"
SUBJECTS = {
    AccountMail.Type.RESET: gettext_noop("Reset your password"),
    AccountMail.Type.INVITATION: gettext_noop("Set your password"),
    AccountMail.Type.CONFIRMATION: gettext_noop("Confirm your email"),
    AccountMail.Type.PASSWORD_CHANGED: gettext_noop("Your password was changed"),
    AccountMail.Type.ADDRESS_CHANGED: gettext_noop("Your email address was changed"),
    AccountMail.Type.DELETED: gettext_noop("Your account was deleted"),
}
PRIORITY = 1  # people wait for a link


@register
class AccountEmailTransport(Email):
    name = ACCOUNT_EMAIL

    def send(self, message: Any) -> Outcome:
        with smtp.connected() as connection:
            return smtp.hand_over(message, compose(content(message)), connection)


class MailHandler(MessageHandler):
    related = ("account",)

    def is_ready(self, mail: AccountMail) -> bool:
        """Deletes an email that has become pointless: no account has the address, or it was replaced meanwhile."""
        if mail.type == AccountMail.Type.RESET:
            mail.account = account_to_reset(mail.to)
            if mail.account:
                mail.to = mail.account.email  # as it was confirmed, not as it was typed
                AccountMail.objects.filter(pk=mail.pk).update(account=mail.account, to=mail.to)
                return True
        elif mail.type != AccountMail.Type.CONFIRMATION or _is_pending(mail):
            return True
        OutboxMessage.objects.filter(pk=mail.pk).delete()
        return False


def _is_pending(mail: AccountMail) -> bool:
    return EmailAddress.objects.filter(user=mail.account_id, pending=mail.to).exists()


def content(mail: AccountMail) -> dict[str, Any]:
    """What is sent, with a new link. The Message-ID is the same in each attempt."""
    with translation.override(mail.language):
        text = render_to_string(f"accounts/mail/{mail.type}.txt", {"mail": mail, **_links(mail)})
        row = email_row(
            to=mail.to,
            subject=gettext(SUBJECTS[AccountMail.Type(mail.type)]),
            text=text,
            priority=mail.priority,
            identity=mail.identity,
            headers={"Auto-Submitted": "auto-generated"},  # RFC 3834
        )
    return dict(row["content"])


def _links(mail: AccountMail) -> dict[str, str]:
    """The pages that the text names."""
    found = {"reset": settings.SITE_URL + reverse("reset_password"), "site": settings.SITE_URL}
    if mail.account and mail.type in (AccountMail.Type.RESET, AccountMail.Type.INVITATION):
        found["link"] = links.password_link(mail.account, links.mailed)
    elif mail.account and mail.type == AccountMail.Type.CONFIRMATION:
        found["link"] = links.address_link(mail.account, mail.to)
    return found
