"""The forms of the account page and of a password reset."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import rate_limits
from accounts.passwords import is_password_of
from core.fields import EmailAddressField, mailbox_of
from core.http import address


def email_field(**options: Any) -> EmailAddressField:
    return EmailAddressField(widget=forms.EmailInput(attrs={"autocomplete": "email"}), **options)


class CurrentPassword(forms.Form):
    """A form that only whoever knows the password of the account can send: a session may be somebody else's by now."""

    user: User
    request: HttpRequest
    current_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        password = cleaned.get("current_password")
        if password and not self.errors and not is_password_of(self.user, password, address=address(self.request)):
            self.add_error("current_password", _("This isn't your current password."))
        return cleaned


class ChangePasswordForm(CurrentPassword, SetPasswordForm):
    field_order = ["current_password", "new_password1", "new_password2"]

    def __init__(self, request: HttpRequest, user: User) -> None:
        self.request = request
        super().__init__(user, request.POST or None)


class AddressForm(CurrentPassword):
    field_order = ["address", "current_password"]
    address = email_field(
        label=_("Email address"),
        required=False,
        help_text=_("Leave it empty to have none. Then you can't reset your password."),
    )

    def __init__(self, request: HttpRequest, user: User, *, initial: str) -> None:
        self.request, self.user = request, user
        super().__init__(request.POST or None, initial={"address": initial})


class DeleteForm(CurrentPassword):
    field_order = ["name", "current_password", "messages"]
    name = forms.CharField(label=_("Your username"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    messages = forms.BooleanField(label=_("Also delete the feedback that I sent"), required=False)

    def __init__(self, request: HttpRequest, user: User) -> None:
        self.request, self.user = request, user
        super().__init__(request.POST or None)

    def clean_name(self) -> str:
        if User.normalize_username(self.cleaned_data["name"]) != self.user.get_username():
            raise ValidationError(_("This isn't your username."))
        return str(self.cleaned_data["name"])


class ResetForm(forms.Form):
    """Says nothing about whether there is an account, also not by its limits: they count every address."""

    email = email_field(label=_("Email address"))

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        super().__init__(request.POST or None)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if email := cleaned.get("email"):
            wait = rate_limits.resets.take(address(self.request))
            if wait := wait or rate_limits.resets_of_mailbox.take(mailbox_of(email)):
                message = _("Too many requests. Wait %(seconds)s seconds and try again.")
                raise ValidationError(message, "limit", {"seconds": wait})
        return cleaned
