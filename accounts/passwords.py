"""Passwords: which are refused, how many are hashed at once, and the check of the one that an account has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.rate_limits import PasswordAttempt

HASH_TIMEOUT = 5  # seconds that a password may wait to be hashed
hash_slot = BoundedSemaphore(1)  # a hash is slow by design: it keeps a core busy for some hundred milliseconds


@contextmanager
def hashing() -> Iterator[None]:
    """Wraps code that hashes a password: one at a time. Raises `ValidationError` after `HASH_TIMEOUT` seconds."""
    if not hash_slot.acquire(timeout=HASH_TIMEOUT):
        message = _("Many people are signing in right now. Try again in a few seconds.")
        raise ValidationError(message, "busy", {"seconds": HASH_TIMEOUT})
    try:
        yield
    finally:
        hash_slot.release()


def limited(attempt: PasswordAttempt) -> None:
    """Raises `ValidationError` if there were too many attempts."""
    if wait := attempt.take():
        message = _("Too many sign-in attempts. Wait %(seconds)s seconds and try again.")
        raise ValidationError(message, "limit", {"seconds": wait})


def is_password_of(user: User, password: str, *, address: str) -> bool:
    """Counts as an attempt to sign in from that IP address. Raises `ValidationError` if there were too many."""
    attempt = PasswordAttempt(user.get_username(), address)
    limited(attempt)
    with hashing():
        right = user.check_password(password)
    if right:
        attempt.give_back()
    return right


class PasswordValidator(CommonPasswordValidator):
    """Refuses common passwords and the name of the product, also with digits around them."""

    def __init__(self) -> None:
        super().__init__()
        self.passwords = self.passwords | {"redheart"}

    def validate(self, password: str, user: User | None = None) -> None:
        for guess in (password, password.strip("0123456789!")):
            super().validate(guess, user)
