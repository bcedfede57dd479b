"""Email addresses: the form field, and which of them lead to one mailbox."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

UNUSUAL = re.compile(r"[\x00-\x1f\x7f\"(),:;<>\[\]\\%!]")  # valid in an address, but used only in attacks


class EmailAddressField(forms.EmailField):
    """One plain address. A line break in it is an error, it is not stripped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=254, **options)  # characters (RFC 5321)

    def to_python(self, value: Any) -> str:
        if UNUSUAL.search(str(value or "")):
            raise ValidationError(_("Enter a valid email address."))
        return super().to_python(value) or ""


def mailbox_of(address: str) -> str:
    """The same for mina@example.com, Mina+news@example.com and MINA@EXAMPLE.COM."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}".lower()
