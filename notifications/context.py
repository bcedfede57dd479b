from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from notifications.bell import bell_of


def bell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the bell in the header. Only pages that show it query the database."""
    return {"bell": SimpleLazyObject(lambda: bell_of(request.user.pk or 0))}
