"""The account page, and the forms that it leads to."""

from __future__ import annotations

from http import HTTPStatus
from typing import cast

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import selectors, services, sessions
from accounts.forms.account import AddressForm, ChangePasswordForm, DeleteForm
from core.http import with_status
from core.permissions import sign_in_required
from notifications.destinations import browsers
from notifications.selectors import latest_address


@require_safe
@sign_in_required
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    return _account(request)


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_required
@never_cache
def change_password(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    form = ChangePasswordForm(request, user)
    if form.is_valid():
        try:
            services.change_password(user=user, password=form.cleaned_data["new_password1"], but=_here(request))
        except (ValidationError, services.LinkUsed) as error:
            form.add_error(None, _sentence(error))
        else:
            sessions.keep_signed_in(request, user)
            messages.success(request, gettext("Password changed. All other sessions were signed out."))
            return redirect("account")
    return _form_page(request, "accounts/change_password.html", form)


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_required
@never_cache
def change_address(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    digest = latest_address(user_id=user.pk)
    form = AddressForm(request, user, initial=user.email or (digest.address if digest else ""))
    if form.is_valid():
        try:
            messages.success(request, _set_address(user, form.cleaned_data["address"]))
        except services.TooOften as error:
            form.add_error(None, _too_often(error))
        else:
            return redirect("account")
    return _form_page(request, "accounts/change_address.html", form)


@require_POST
@sign_in_required
def pending_address(request: HttpRequest) -> HttpResponse:
    """Sends the link to the unconfirmed address again, or cancels it."""
    user = _user(request)
    address = selectors.address_of(user)
    if request.POST.get("do") == "cancel":
        services.cancel_address(user=user)
    elif request.POST.get("do") != "resend":
        return HttpResponseBadRequest("Send do=resend|cancel", content_type="text/plain")
    elif unconfirmed := address.pending or (not address.confirmed and address.email):
        try:
            messages.success(request, _set_address(user, unconfirmed))
        except services.TooOften as error:
            return _account(request, error)
    return redirect("account")


@require_POST
@sign_in_required
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    """Ending a session that has ended changes nothing. The current one ends by signing out."""
    sessions.end(user=_user(request), but=request.session.session_key, pk=pk)
    messages.success(request, gettext("Signed out there."))
    return redirect("account")


@require_POST
@sign_in_required
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    services.sign_out(user=_user(request), but=_here(request))
    messages.success(request, gettext("Signed out everywhere else."))
    return redirect("account")


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_required
@never_cache
def delete_account(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    form = DeleteForm(request, user)
    if form.is_valid():
        try:
            services.delete_account(user=user, messages=form.cleaned_data["messages"])
        except services.LastAdministrator:
            form.add_error(None, gettext("You're the only administrator. Make somebody else one in the admin first."))
        else:
            logout(request)
            messages.success(request, gettext("Your account was deleted."))
            return redirect("feed")
    return _form_page(request, "accounts/delete_account.html", form)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _here(request: HttpRequest) -> services.Here:
    return services.Here(request.session.session_key, browsers.read_cookie(request))


def _account(request: HttpRequest, error: services.TooOften | None = None) -> HttpResponse:
    user = _user(request)
    context = {
        "address": selectors.address_of(user),
        "sessions": selectors.sessions_of(user),
        "session_key": request.session.session_key,
        "error": error and _too_often(error).message,
    }
    response = render(request, "accounts/account.html", context)
    if error:
        response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        response["Retry-After"] = str(error.args[0])
    return response


def _form_page(request: HttpRequest, template: str, form: BaseForm) -> HttpResponse:
    return with_status(render(request, template, {"form": form}), form)


def _set_address(user: User, address: str) -> str:
    """Returns what the page says. Raises `TooOften`."""
    if not address:
        services.remove_address(user=user)
        return gettext("Saved.")
    if not services.request_address(user=user, address=address):
        return gettext("Saved.")
    return gettext("Check %(address)s for a confirmation link.") % {"address": address}


def _sentence(error: Exception) -> ValidationError:
    if isinstance(error, ValidationError):
        return error
    return ValidationError(gettext("Your password was changed meanwhile. Reload the page and try again."))


def _too_often(error: services.TooOften) -> ValidationError:
    text = gettext("You've reached today's limit. Try again tomorrow.")
    return ValidationError(text, "limit", {"seconds": error.args[0]})
