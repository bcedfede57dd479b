"""Who may call an endpoint: whoever has a key with its scope, as often as the rate limit allows."""

from __future__ import annotations

import math
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from ninja.errors import HttpError
from ninja.security import HttpBearer

from core.database import incidental_write
from embed import rate_limits
from embed.models import ApiKey
from embed.services import api_key_digest
from likes.http import Refusal

A_MINUTE = timedelta(minutes=1)
POLICY = "key"  # name of the only rate limit


class ApiRequest(HttpRequest):
    """A request that has passed `Bearer`."""

    auth: ApiKey
    rate_limit: dict[str, str]  # headers of the response


class Bearer(HttpBearer):
    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        """The key. None if there is no such key; then the response is 401."""
        key = ApiKey.objects.select_related("site").filter(digest=api_key_digest(token)).first()
        if key is None:
            return None
        limit(request, key)
        if self.scope not in key.scopes:
            raise HttpError(HTTPStatus.FORBIDDEN, f"This key lacks the scope {self.scope}.")
        note_use(key)
        return key


def limit(request: HttpRequest, key: ApiKey) -> None:
    """Raises `Refusal` with the seconds to wait. Keeps the headers for the response, whatever that will be."""
    wait = rate_limits.api.take(str(key.pk))
    request.rate_limit = limit_headers(key, wait)  # type: ignore[attr-defined]
    if wait:
        sentence = gettext_lazy("Too many requests. Wait %(seconds)s seconds and try again.")
        raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, sentence % {"seconds": wait}, wait=wait)


def limit_headers(key: ApiKey, wait: int) -> dict[str, str]:
    """Of draft-ietf-httpapi-ratelimit-headers: quota and window in seconds; remaining requests and the seconds until
    the quota is full again, or with ``wait`` until the next request."""
    bucket = rate_limits.api
    remaining = 0 if wait else bucket.remaining(str(key.pk))
    reset = wait or math.ceil((bucket.burst - remaining) / bucket.rate)
    policy = f'"{POLICY}";q={bucket.burst:.0f};w={bucket.burst / bucket.rate:.0f}'
    return {"RateLimit-Policy": policy, "RateLimit": f'"{POLICY}";r={remaining};t={reset}'}


def note_use(key: ApiKey) -> None:
    """At most once a minute, so that reading does not write each time."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - A_MINUTE:
        with incidental_write():
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def needs(scope: str) -> dict[str, Any]:
    """The options of an endpoint for keys with this scope."""
    return {"auth": Bearer(scope), "openapi_extra": {"x-scope": scope}}
