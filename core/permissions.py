"""Who may see a page: everybody who is signed in, or only staff."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.views.decorators.cache import never_cache

from core.http import referring_page

Response = TypeVar("Response", bound=HttpResponseBase)


def sign_in_required(view: Callable[..., Response]) -> Callable[..., Response]:
    """Like Django's `login_required`. After a POST, sign-in leads back to the page with the form and not to the form's
    action, which may refuse GET."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        safe = request.method in ("GET", "HEAD", "OPTIONS")
        page = referring_page(request.headers, request.get_host()) or resolve_url(settings.LOGIN_REDIRECT_URL)
        return cast(Response, redirect_to_login(request.get_full_path() if safe else page))

    return checked


def staff_only(view: Callable[..., Response]) -> Callable[..., Response]:
    """Only staff sees the view: others get 403, whoever is signed out is asked to sign in."""

    @sign_in_required
    @never_cache
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        if not cast(User, request.user).is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return checked


def is_staff(visitor: str | None, key: str = "") -> bool:
    """Whether a visitor key is that of active staff. Has the arguments of ``allows`` of a topic type."""
    pk = (visitor or "").removeprefix("u")
    return visitor == f"u{pk}" and pk.isdecimal() and User.objects.filter(pk=pk, is_active=True, is_staff=True).exists()
