"""Errors of the API as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from django.http import HttpRequest, JsonResponse

PATH = "/api/v1/"
DOCS = f"{PATH}docs"
MEDIA_TYPE = "application/problem+json"


def is_api(request: HttpRequest) -> bool:
    """Whether a program sent the request. The page with the documentation is for people."""
    return request.path.startswith(PATH) and request.path != DOCS


def problem(status: int, detail: object, *, headers: Mapping[str, str] | None = None) -> JsonResponse:
    """``detail`` is one sentence that says what to do."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": str(detail)}
    return JsonResponse(body, status=status, headers=headers, content_type=MEDIA_TYPE)
