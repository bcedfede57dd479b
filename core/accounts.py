"""Creating an account. Signing in and out are Django's own views."""

from __future__ import annotations

import unicodedata

from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.http import address, with_status
from core.shared_rate_limits import NetworkLimit
from core.sign_in import hashing

networks = NetworkLimit("new accounts", burst=60, rate=1 / 20)
MAX_NAME = 30  # letters: a page of 360 pixels has room for them
RESERVED_NAMES = {"admin", "administrator", "moderator", "operator", "redheart", "root", "staff", "support", "system"}
MIXED_SCRIPTS = ({"LATIN", "HANGUL"}, {"LATIN", "CJK", "HIRAGANA", "KATAKANA"})  # whose letters do not look alike


class SignUpForm(UserCreationForm):
    def __init__(self, request: HttpRequest) -> None:
        self.address = address(request)
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
        if wait := networks.take(self.address):
            message = _("Too many new accounts. Wait %(seconds)s seconds and try again.")
            raise ValidationError(message, "limit", {"seconds": wait})
        with hashing():
            user: User = super().save(commit)
        return user


class PasswordValidator(CommonPasswordValidator):
    """Refuses common passwords and the name of the product, also with digits around them."""

    def __init__(self) -> None:
        super().__init__()
        self.passwords = self.passwords | {"redheart"}

    def validate(self, password: str, user: User | None = None) -> None:
        for guess in (password, password.strip("0123456789!")):
            super().validate(guess, user)


def scripts_of(name: str) -> set[str]:
    """The scripts of its letters: the first word of their Unicode names."""
    return {unicodedata.name(letter, "?").split()[0] for letter in name if letter.isalpha()}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def signup(request: HttpRequest) -> HttpResponse:
    form = SignUpForm(request)
    if form.is_valid():
        try:
            user = form.save()
        except ValidationError as error:
            form.add_error(None, error)
        else:
            login(request, user)
            return redirect("feed")
    return with_status(render(request, "registration/signup.html", {"form": form}), form)
