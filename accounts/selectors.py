"""The addresses and sessions of accounts."""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import User
from django.db.models import F

from accounts.models import AccountSession, EmailAddress
from core import sessions
from core.fields import mailbox_of

MAX_LISTED = 100  # sessions


class Address(NamedTuple):
    """What an account page shows: the address in use, and the one that is to replace it."""

    email: str
    confirmed: bool
    pending: str


def address_of(user: User) -> Address:
    row = EmailAddress.objects.filter(user=user).first()
    confirmed = bool(row and row.confirmed and row.confirmed == user.email)
    return Address(user.email, confirmed, row.pending if row else "")


def confirmed_address(user: User) -> str:
    """Empty if the account has none."""
    address = address_of(user)
    return address.email if address.confirmed else ""


def account_to_reset(address: str) -> User | None:
    """The active account that may get a link to this address: the one that has confirmed it, or one that an
    administrator has made with it and without a password, as long as it has not signed in."""
    confirmed = EmailAddress.objects.filter(
        mailbox=mailbox_of(address), confirmed=F("user__email"), user__is_active=True
    ).select_related("user")
    for row in confirmed:
        return row.user
    invited = User.objects.filter(
        email__iexact=address, is_active=True, last_login=None, password__startswith=UNUSABLE_PASSWORD_PREFIX
    )
    found = list(invited[:2])
    return found[0] if len(found) == 1 else None


def sessions_of(user: User) -> list[AccountSession]:
    """Those that are signed in, the last used first: not what has expired, and what a new password has ended."""
    rows = list(AccountSession.objects.filter(user=user).order_by("-used_at", "-pk")[:MAX_LISTED])
    sessions.load([row.session_id for row in rows])
    return [row for row in rows if sessions.account(row.session_id)]
