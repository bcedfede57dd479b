"""Signing in: how often somebody may try, how many passwords are hashed at once, and the way into the admin site."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.signals import user_login_failed
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from core.rate_limits import TokenBucket, network

networks = TokenBucket(burst=60, rate=1 / 10)
accounts_in_networks = TokenBucket(burst=10, rate=1 / 60)
accounts = TokenBucket(burst=100, rate=1 / 10)
PATIENCE = 5  # seconds that a password waits to be hashed
BUSY = _("Many people are signing in right now. Try again in a few seconds.")
one_at_a_time = BoundedSemaphore(1)  # a hash keeps a whole core busy for a good part of a second, on purpose
log = logging.getLogger(__name__)


class Busy(Exception):
    """The password was not hashed, because others have waited for too long."""


@contextmanager
def hashing() -> Iterator[None]:
    """Around whatever hashes a password. Raises `Busy` after `PATIENCE` seconds of waiting."""
    if not one_at_a_time.acquire(timeout=PATIENCE):
        raise Busy
    try:
        yield
    finally:
        one_at_a_time.release()


class SignInForm(AuthenticationForm):
    refusal: tuple[HTTPStatus, int] | None = None  # the status of the answer, and the seconds to wait

    def clean(self) -> dict[str, Any]:
        limits = self._limits()
        if wait := next((wait for bucket, key in limits if (wait := bucket.take(key))), 0):
            self.refusal = HTTPStatus.TOO_MANY_REQUESTS, wait
            sentence = _("Too many sign-in attempts. Wait %(seconds)s seconds and try again.")
            raise ValidationError(sentence, "limit", {"seconds": wait})
        try:
            with hashing():
                cleaned = super().clean()
        except Busy:
            self.refusal = HTTPStatus.SERVICE_UNAVAILABLE, PATIENCE
            raise ValidationError(BUSY, "busy") from None
        if self.get_user():  # the right password is no guess
            for bucket, key in limits[1:]:
                bucket.give_back(key)
        return cleaned

    def _limits(self) -> list[tuple[TokenBucket, str]]:
        near = network(address(self.request))
        account = self.cleaned_data.get("username", "").casefold()  # the field has trimmed and normalised it
        return [(networks, near), (accounts_in_networks, f"{near} {account}"), (accounts, account)]


class SignIn(LoginView):
    form_class = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        if isinstance(form, SignInForm) and form.refusal:
            status, wait = form.refusal
            response.status_code, response["Retry-After"] = status, str(wait)
        return response


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin site has no form of its own: whoever is not signed in goes to the one that everybody has."""
    wanted = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        wanted = reverse("admin:index")
    if not request.user.is_authenticated:
        return redirect_to_login(wanted)
    if not request.user.is_staff:
        raise PermissionDenied
    return redirect(wanted)


def address(request: HttpRequest | None) -> str:
    return request.META.get("REMOTE_ADDR", "") if request else ""


@receiver(user_login_failed)
def log_failure(credentials: dict[str, Any], request: HttpRequest | None = None, **_: object) -> None:
    account = str(credentials.get("username", ""))[:150]
    log.warning("sign-in failed: account %r from %s", account, address(request))
