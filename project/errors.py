"""Error responses that no view of ours makes: one sentence, as a page or as JSON.

Django calls `handler404` and its siblings only without DEBUG. Two middlewares replace them: the outer one sees every
response, and the inner one notes whether a view was reached. A bug leads to `server_error`, or with DEBUG to Django's
page with the traceback.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext_lazy as _

from core import correlation
from core.http import wants_json
from embed.api.problems import is_api, problem

MESSAGES = {
    HTTPStatus.BAD_REQUEST: _("Something about that request wasn't valid."),
    HTTPStatus.FORBIDDEN: _("You don't have permission to do that."),
    HTTPStatus.NOT_FOUND: _("Page not found"),
    HTTPStatus.METHOD_NOT_ALLOWED: _("That action isn't supported here."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _("That request is too large."),
}
STATUS_OF_EXCEPTION = {
    Http404: HTTPStatus.NOT_FOUND,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    BadRequest: HTTPStatus.BAD_REQUEST,
    SuspiciousOperation: HTTPStatus.BAD_REQUEST,
    MultiPartParserError: HTTPStatus.BAD_REQUEST,
}
SERVER_ERROR = _("Something went wrong. Please try again shortly.")
UNAVAILABLE, RETRY_AFTER = _("Temporarily unavailable. Please try again in a moment."), "5"  # seconds
FORM_EXPIRED = _("This form has expired. Reload the page and try again.")


def errors_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The outer one: replaces errors of Django and of other middlewares, and makes JSON of a view's plain text."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return error_response(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        response = get_response(request)
        if not isinstance(response, HttpResponse) or response.status_code not in MESSAGES:
            return response
        status = HTTPStatus(response.status_code)
        if isinstance(response, HttpResponseNotAllowed):
            replacement = error_response(request, status)
            replacement.headers["Allow"] = response.headers["Allow"]
            return replacement
        if not getattr(request, "reached_view", False):
            return response if getattr(response, "is_error_response", False) else error_response(request, status)
        if wants_json(request.headers) and response.headers["Content-Type"].startswith("text/plain"):
            return error_response(request, status, response.text)
        return response

    return middleware


class ViewMiddleware(MiddlewareMixin):
    """The inner one: notes that a view is reached, and makes responses of the exceptions that it raises."""

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        request.reached_view = True  # type: ignore[attr-defined]

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, (OperationalError, InterfaceError)):  # the database is away, locked or full
            return plain_page(request, HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE)
        for error_class, status in STATUS_OF_EXCEPTION.items():
            if isinstance(exception, error_class):
                return error_response(request, status)
        return None


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_response(request, HTTPStatus.FORBIDDEN, FORM_EXPIRED)


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500` of project/urls.py."""
    return plain_page(request, HTTPStatus.INTERNAL_SERVER_ERROR, SERVER_ERROR)


def plain_page(request: HttpRequest, status: HTTPStatus, sentence: object) -> HttpResponse:
    """JSON or a page with one sentence. It needs no database: nothing in it is about the visitor."""
    headers = {"Retry-After": RETRY_AFTER} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    if is_api(request):
        return problem(status, sentence, headers=headers)
    if wants_json(request.headers):
        return JsonResponse({"error": str(sentence)}, status=status, headers=headers)
    request_id = correlation.current() if status == HTTPStatus.INTERNAL_SERVER_ERROR else ""  # its line is in the log
    page = render_to_string("500.html", {"sentence": sentence, "request_id": request_id})
    return HttpResponse(page, status=status, headers=headers)


def error_response(request: HttpRequest, status: HTTPStatus, sentence: object = "") -> HttpResponse:
    """JSON or a page with one sentence: ``sentence``, or the one of the status."""
    sentence = str(sentence or MESSAGES[status])
    if is_api(request):
        response: HttpResponse = problem(status, sentence)
    elif wants_json(request.headers):
        response = JsonResponse({"error": sentence}, status=status)
    else:
        response = render(request, "error.html", {"sentence": sentence}, status=status)
    response.is_error_response = True  # type: ignore[attr-defined]
    return response
