"""Creating an account. Signing in and out are Django's own views."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods

from core.sign_in import BUSY, HASH_TIMEOUT, Busy, hashing


@require_http_methods(["GET", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    form: UserCreationForm[User] = UserCreationForm(request.POST or None)
    if form.is_valid():
        try:
            with hashing():
                user = form.save()
        except Busy:
            form.add_error(None, BUSY)
            headers = {"Retry-After": str(HASH_TIMEOUT)}
            content = render_to_string("registration/signup.html", {"form": form}, request)
            return HttpResponse(content, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
        login(request, user)
        return redirect("feed")
    return render(request, "registration/signup.html", {"form": form})
