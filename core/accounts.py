"""Creating an account. Signing in and out are Django's own views."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from core.sign_in import HASH_TIMEOUT, hashing


@require_http_methods(["GET", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    form: UserCreationForm[User] = UserCreationForm(request.POST or None)
    if form.is_valid():
        try:
            with hashing():
                user = form.save()
        except ValidationError as busy:
            form.add_error(None, busy)
            response = render(
                request, "registration/signup.html", {"form": form}, status=HTTPStatus.SERVICE_UNAVAILABLE
            )
            response["Retry-After"] = str(HASH_TIMEOUT)
            return response
        login(request, user)
        return redirect("feed")
    return render(request, "registration/signup.html", {"form": form})
