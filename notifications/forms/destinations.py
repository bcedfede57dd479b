"""The base of the forms that connect an integration. Each transport has its own, beside its class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from notifications.models import Destination
from outbox import ssrf

MAX_ADDRESS = 2000  # characters
word = RegexValidator(r"^(?!\.+$)[\w\-.]+$", _("Use only letters, digits, periods, hyphens and underscores."))


class ConnectForm(forms.Form):
    """Every destination has a name. A subclass adds its fields and `row`."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("Only visible to your team."))

    def clean_name(self) -> str:
        if not self.cleaned_data["name"].isprintable():
            raise forms.ValidationError(_("The name must be on one line."))
        return str(self.cleaned_data["name"])

    def destination(self, *, owner: User, transport: str) -> Destination:
        """The destination, not saved."""
        return Destination(owner=owner, transport=transport, name=self.cleaned_data["name"], **self.row())

    def row(self) -> dict[str, Any]:
        """The address, secret and options of the destination."""
        raise NotImplementedError


def public_url(url: str, check: Callable[[str], None] = ssrf.check_url) -> str:
    """Returns the URL. Raises `ValidationError` if messages may not be sent there: ``check`` raises `ssrf.Refused`."""
    try:
        check(url)
    except ssrf.Refused as error:
        raise forms.ValidationError(str(error)) from error
    return url
