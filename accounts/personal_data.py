"""Where an account is signed in, its email address, and the emails about it."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from accounts import sessions
from accounts.models import AccountMail, AccountSession, EmailAddress
from core.data_care.personal import Person, Personal


def of(person: Person) -> Iterable[Personal]:
    if person.user:
        signed_in = AccountSession.objects.filter(user=person.user)
        yield Personal("sessions", "sessions", signed_in, ("browser", "signed_in_at", "used_at"))
        address = EmailAddress.objects.filter(user=person.user)
        yield Personal("email_address", "its email address", address, ("confirmed", "confirmed_at", "pending"))
    if person.email:
        yield Personal("email_addresses", "email addresses of accounts (which stay)", _addresses(person.email))
        yield Personal("account_emails", "emails about accounts", AccountMail.objects.filter(to__iexact=person.email))


def erase(person: Person) -> None:
    if person.user:
        sessions.end(user=person.user)
    if person.email:
        AccountMail.objects.filter(to__iexact=person.email).delete()
        _addresses(person.email).delete()
        User.objects.filter(email__iexact=person.email).update(email="")


def _addresses(email: str) -> QuerySet[EmailAddress]:
    return EmailAddress.objects.filter(
        Q(confirmed__iexact=email) | Q(pending__iexact=email) | Q(user__email__iexact=email)
    )
