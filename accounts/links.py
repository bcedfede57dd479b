"""The links that set a password or confirm an address. Only this site can make them."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import signing
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

ADDRESS_SALT = "redheart.account-address"
ADDRESS_MAX_AGE = timedelta(days=3)


class MailedTokens(PasswordResetTokenGenerator):
    """Of links that are sent to the `User.email`: whoever has one gets the email of that address."""

    key_salt = "redheart.mailed-password-link"


class PrintedTokens(PasswordResetTokenGenerator):
    """Of links that an administrator sees on the terminal."""

    key_salt = "redheart.printed-password-link"


class Tokens(PasswordResetTokenGenerator):
    """Checks both. They are valid for `PASSWORD_RESET_TIMEOUT`, until the password, the address or the time of the last
    sign-in changes."""

    def check_token(self, user: User | None, token: str | None) -> bool:
        return any(tokens.check_token(user, token) for tokens in (mailed, printed))


mailed, printed = MailedTokens(), PrintedTokens()


class Request(NamedTuple):
    user_id: int
    address: str


def password_link(user: User, tokens: PasswordResetTokenGenerator) -> str:
    """A link that sets the password of an account, once."""
    args = [urlsafe_base64_encode(force_bytes(user.pk)), tokens.make_token(user)]
    return settings.SITE_URL + reverse("set_password", args=args)


def address_link(user: User, address: str) -> str:
    """A link that confirms the address of an account."""
    token = signing.dumps(Request(user.pk, address), salt=ADDRESS_SALT)
    return settings.SITE_URL + reverse("confirm_address", args=[token])


def read_address(token: str) -> Request:
    """Raises `signing.BadSignature`, or `signing.SignatureExpired` after `ADDRESS_MAX_AGE`."""
    return Request(*signing.loads(token, salt=ADDRESS_SALT, max_age=ADDRESS_MAX_AGE))
