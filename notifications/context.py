from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from notifications.bell import bell_of


def bell(request: HttpRequest) -> dict[str, Any]:
    """The bell in the header. Asked for only by pages that show it."""
    return {"bell": SimpleLazyObject(lambda: bell_of(request.user.pk or 0))}
