"""The sign-in form, and the log of what it refuses."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest

from accounts.passwords import hashing, limited
from accounts.rate_limits import PasswordAttempt
from core.http import address

log = logging.getLogger(__name__)


class SignInForm(AuthenticationForm):
    def clean(self) -> dict[str, Any]:
        # The field has trimmed and normalised the name.
        attempt = PasswordAttempt(self.cleaned_data.get("username", ""), address(self.request))
        limited(attempt)
        with hashing():
            cleaned = super().clean()
        if self.get_user():
            attempt.give_back()
        return cleaned


def log_failure(credentials: dict[str, Any], request: HttpRequest | None = None, **_: object) -> None:
    """Receiver of ``user_login_failed``."""
    account = str(credentials.get("username", ""))[:150]
    log.warning("sign-in failed: account %r from %s", account, address(request))
