"""Signing in: rate limits of attempts, a limit on passwords hashed at once, and the sign-in of the admin site."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.signals import user_login_failed
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from core.http import address, with_status
from core.rate_limits import TokenBucket, network_of
from core.shared_rate_limits import NetworkLimit, SharedBucket

networks = NetworkLimit("sign-in", burst=60, rate=1 / 10)
accounts_in_networks = SharedBucket("sign-in of an account from a network", burst=10, rate=1 / 60)
accounts = SharedBucket("sign-in of an account", burst=100, rate=1 / 10)
HASH_TIMEOUT = 5  # seconds that a password may wait to be hashed
hash_slot = BoundedSemaphore(1)  # a hash is slow by design: it keeps a core busy for some hundred milliseconds
log = logging.getLogger(__name__)


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


class SignInForm(AuthenticationForm):
    def clean(self) -> dict[str, Any]:
        where = address(self.request)
        limits = self._limits(where)
        if wait := networks.take(where) or next((wait for bucket, key in limits if (wait := bucket.take(key))), 0):
            message = _("Too many sign-in attempts. Wait %(seconds)s seconds and try again.")
            raise ValidationError(message, "limit", {"seconds": wait})
        with hashing():
            cleaned = super().clean()
        if self.get_user():  # a right password does not count as an attempt
            for bucket, key in limits:
                bucket.give_back(key)
        return cleaned

    def _limits(self, where: str) -> list[tuple[TokenBucket, str]]:
        account = self.cleaned_data.get("username", "").casefold()  # trimmed and normalised by the field
        return [(accounts_in_networks, f"{network_of(where)} {account}"), (accounts, account)]


class SignIn(LoginView):
    form_class = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        return with_status(super().form_invalid(form), form)


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin site has no sign-in form: it redirects to the one of the site."""
    next_url = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(next_url, {request.get_host()}, require_https=request.is_secure()):
        next_url = reverse("admin:index")
    if not request.user.is_authenticated:
        return redirect_to_login(next_url)
    if not request.user.is_staff:
        raise PermissionDenied
    return HttpResponseRedirect(next_url)


@receiver(user_login_failed)
def log_failure(credentials: dict[str, Any], request: HttpRequest | None = None, **_: object) -> None:
    account = str(credentials.get("username", ""))[:150]
    log.warning("sign-in failed: account %r from %s", account, address(request))
