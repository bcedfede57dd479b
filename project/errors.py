"""What Django refuses by itself, said in one sentence: as a page, or as JSON where JSON was asked for.

Django calls `handler404` and the like only when DEBUG is off. Two middlewares do it in both cases: the first of all
sees every response, and the last knows whether a view has made it. What breaks on our side is for `server_error`, or
with DEBUG for Django's page with the traceback.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext_lazy as _
from django.views import defaults

from core.http import wants_json

SENTENCES = {
    HTTPStatus.BAD_REQUEST: _("Something about that request wasn't valid."),
    HTTPStatus.FORBIDDEN: _("You don't have permission to do that."),
    HTTPStatus.NOT_FOUND: _("Page not found"),
    HTTPStatus.METHOD_NOT_ALLOWED: _("That action isn't supported here."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _("That request is too large."),
}
RAISED = {Http404: HTTPStatus.NOT_FOUND, PermissionDenied: HTTPStatus.FORBIDDEN}
RAISED |= dict.fromkeys((BadRequest, SuspiciousOperation, MultiPartParserError), HTTPStatus.BAD_REQUEST)
BROKEN = "Something went wrong. Please try again shortly."  # as in 500.html, which needs no database
OLD_FORM = _("This form has expired. Reload the page and try again.")


def errors_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The first: replaces what Django or another middleware refused, and gives a view's plain sentence as JSON."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return refusal(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        response = get_response(request)
        if not isinstance(response, HttpResponse) or response.status_code not in SENTENCES:
            return response
        status = HTTPStatus(response.status_code)
        if isinstance(response, HttpResponseNotAllowed):
            answer = refusal(request, status)
            answer.headers["Allow"] = response.headers["Allow"]
            return answer
        if not getattr(request, "reached_view", False):
            return response if getattr(response, "is_refusal", False) else refusal(request, status)
        if wants_json(request.headers) and is_plain(response):
            return refusal(request, status, response.text)
        return response

    return middleware


class ViewMiddleware(MiddlewareMixin):
    """The last: notes that a view is reached, and answers for what it raises."""

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        request.reached_view = True  # type: ignore[attr-defined]

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        for error_class, status in RAISED.items():
            if isinstance(exception, error_class):
                return refusal(request, status)
        return None


def is_plain(response: HttpResponse) -> bool:
    return response.headers["Content-Type"].startswith("text/plain")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return refusal(request, HTTPStatus.FORBIDDEN, OLD_FORM)


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500` of project/urls.py."""
    if wants_json(request.headers):
        return JsonResponse({"error": BROKEN}, status=HTTPStatus.INTERNAL_SERVER_ERROR)
    return defaults.server_error(request)


def refusal(request: HttpRequest, status: HTTPStatus, sentence: object = "") -> HttpResponse:
    sentence = str(sentence or SENTENCES[status])
    if wants_json(request.headers):
        response: HttpResponse = JsonResponse({"error": sentence}, status=status)
    else:
        response = render(request, "error.html", {"sentence": sentence}, status=status)
    response.is_refusal = True  # type: ignore[attr-defined]
    return response
