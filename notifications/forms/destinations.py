"""The form that connects a destination. Each transport has its own subclass, beside its class."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from notifications.models import Destination
from outbox import ssrf

MAX_ADDRESS = 2000  # characters
word = RegexValidator(r"^[\w\-.]+$", _("Use only letters, digits, periods, hyphens and underscores."))


class ConnectForm(forms.Form):
    """The name that every destination has; `destination` makes the row, without saving it."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("Only visible to your team."))

    def clean_name(self) -> str:
        if not self.cleaned_data["name"].isprintable():
            raise forms.ValidationError(_("The name must be on one line."))
        return str(self.cleaned_data["name"])

    def destination(self, *, owner: User, transport: str) -> Destination:
        return Destination(owner=owner, transport=transport, name=self.cleaned_data["name"], **self.row())

    def row(self) -> dict[str, Any]:
        raise NotImplementedError


def public_url(url: str) -> str:
    """The URL, if messages may be sent there. Raises `ValidationError`."""
    try:
        ssrf.look_at(url)
    except ssrf.Refused as error:
        raise forms.ValidationError(str(error)) from error
    return url
