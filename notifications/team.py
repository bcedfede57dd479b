"""What only staff may see."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache

Page = TypeVar("Page", bound=HttpResponseBase)


def team_only(view: Callable[..., Page]) -> Callable[..., Page]:
    @login_required
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Page:
        if not cast(User, request.user).is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def is_staff(visitor: str | None, key: str = "") -> bool:
    """The same for what is watched."""
    pk = (visitor or "").removeprefix("u")
    return visitor == f"u{pk}" and pk.isdecimal() and User.objects.filter(pk=pk, is_active=True, is_staff=True).exists()
