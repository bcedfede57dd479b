"""The sign-up page. A site can be closed to new accounts: SIGNUP=0."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import services
from accounts.forms.sign_up import SignUpForm
from core.http import with_status


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sign_up(request: HttpRequest) -> HttpResponse:
    if not settings.SIGNUP:
        sentence = gettext("Sign-up is closed. An administrator of this site can create an account for you.")
        return render(request, "error.html", {"sentence": sentence}, status=HTTPStatus.NOT_FOUND)
    form = SignUpForm(request)
    if form.is_valid():
        try:
            user = form.save()
        except ValidationError as error:
            form.add_error(None, error)
        else:
            login(request, user)
            _request_address(request, user, form.cleaned_data["address"])
            return redirect("feed")
    return with_status(render(request, "accounts/sign_up.html", {"form": form}), form)


def _request_address(request: HttpRequest, user: User, address: str) -> None:
    """An account without an address is an account, too: nothing about the address keeps anybody from signing up."""
    if not address:
        return
    try:
        services.request_address(user=user, address=address)
    except services.TooOften:
        messages.warning(request, gettext("No email could be sent. Enter your address on your account page tomorrow."))
    else:
        messages.success(request, gettext("Check %(address)s for a confirmation link.") % {"address": address})
