"""What Django refuses by itself, said in one sentence: as a page, or as JSON where JSON was asked for. On a development
site too, where Django would show its own insides; only what breaks on our side does so there."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseForbidden,
    HttpResponseNotAllowed,
    HttpResponseNotFound,
    JsonResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from likes.clicks import wants_json

SENTENCES = {
    HTTPStatus.BAD_REQUEST: _("Something about that request wasn't valid."),
    HTTPStatus.FORBIDDEN: _("You don't have permission to do that."),
    HTTPStatus.NOT_FOUND: _("Page not found"),
    HTTPStatus.METHOD_NOT_ALLOWED: _("That action isn't supported here."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _("That request is too large."),
}
BY_DJANGO = (HttpResponseBadRequest, HttpResponseForbidden, HttpResponseNotAllowed, HttpResponseNotFound)
OLD_FORM = _("This form has expired. Reload the page and try again.")


def errors_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return refusal(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        response = get_response(request)
        if not isinstance(response, HttpResponse) or response.status_code not in SENTENCES:
            return response
        if by_django(response):
            answer = refusal(request, HTTPStatus(response.status_code))
        elif wants_json(request.headers) and is_plain(response):
            answer = refusal(request, HTTPStatus(response.status_code), response.text)
        else:
            return response
        if "Allow" in response.headers:
            answer.headers["Allow"] = response.headers["Allow"]
        return answer

    return middleware


def by_django(response: HttpResponse) -> bool:
    """Is it an error that none of our views has made? Theirs are one plain line, or pages of the plain class."""
    if is_plain(response):
        return "\n" in response.text
    page = response.headers["Content-Type"].startswith("text/html")
    return page and (isinstance(response, BY_DJANGO) or response.status_code == HTTPStatus.BAD_REQUEST)


def is_plain(response: HttpResponse) -> bool:
    return response.headers["Content-Type"].startswith("text/plain")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return refusal(request, HTTPStatus.FORBIDDEN, OLD_FORM)


def refusal(request: HttpRequest, status: HTTPStatus, sentence: object = "") -> HttpResponse:
    sentence = str(sentence or SENTENCES[status])
    if wants_json(request.headers):
        return JsonResponse({"error": sentence}, status=status)
    return render(request, "error.html", {"sentence": sentence}, status=status)
