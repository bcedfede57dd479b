"""Creating an account. Signing in and out are Django's own views."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.sign_in import hashing, with_status


@require_http_methods(["GET", "POST"])
@never_cache
def signup(request: HttpRequest) -> HttpResponse:
    form: UserCreationForm[User] = UserCreationForm(request.POST or None)
    if form.is_valid():
        try:
            with hashing():
                user = form.save()
        except ValidationError as busy:
            form.add_error(None, busy)
        else:
            login(request, user)
            return redirect("feed")
    return with_status(render(request, "registration/signup.html", {"form": form}), form)
