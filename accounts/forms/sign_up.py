"""The sign-up form: names that could be mistaken for others are refused."""

from __future__ import annotations

import unicodedata

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import rate_limits
from accounts.passwords import hashing
from core.fields import EmailAddressField
from core.http import address

MAX_NAME = 30  # letters: a page of 360 pixels has room for them
RESERVED_NAMES = {"admin", "administrator", "moderator", "operator", "redheart", "root", "staff", "support", "system"}
MIXED_SCRIPTS = ({"LATIN", "HANGUL"}, {"LATIN", "CJK", "HIRAGANA", "KATAKANA"})  # whose letters do not look alike


class SignUpForm(UserCreationForm):
    address = EmailAddressField(
        label=_("Email (optional)"),
        required=False,
        help_text=_("To get back in if you forget your password. Only you and the administrators of this site see it."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    field_order = ["username", "address", "password1", "password2"]

    def __init__(self, request: HttpRequest) -> None:
        self.client = address(request)
        super().__init__(request.POST or None)
        name = self.fields["username"]
        name.validators.append(MaxLengthValidator(MAX_NAME))
        name.widget.attrs["maxlength"] = MAX_NAME
        name.help_text = _("Up to %(most)d letters, digits and @/./+/-/_.") % {"most": MAX_NAME}

    def clean_username(self) -> str:
        name = str(super().clean_username())
        if name.casefold().strip(".-_+@0123456789") in RESERVED_NAMES:
            raise ValidationError(_("This name is reserved. Choose another one."))
        scripts = scripts_of(name)
        if len(scripts) > 1 and not any(scripts <= mixed for mixed in MIXED_SCRIPTS):
            raise ValidationError(_("These letters belong to different alphabets. Use only one."))
        return name

    def save(self, commit: bool = True) -> User:
        """Raises `ValidationError` if the network has created too many accounts, or too many people sign in."""
        if wait := rate_limits.new_accounts.take(self.client):
            message = _("Too many new accounts. Wait %(seconds)s seconds and try again.")
            raise ValidationError(message, "limit", {"seconds": wait})
        with hashing():
            user: User = super().save(commit)
        return user


def scripts_of(name: str) -> set[str]:
    """The scripts of its letters: the first word of their Unicode names."""
    return {unicodedata.name(letter, "?").split()[0] for letter in name if letter.isalpha()}
