"""Helpers for the views of all apps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import register_converter
from django.urls.converters import IntConverter
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

# Of a form that may be sent again later: the code of its error, whose params have the seconds to wait.
STATUS_OF_ERROR = {"limit": HTTPStatus.TOO_MANY_REQUESTS, "busy": HTTPStatus.SERVICE_UNAVAILABLE}
MAX_PK_DIGITS = 18  # any number of 18 digits fits into a BigAutoField


class PkConverter(IntConverter):
    """``<pk:pk>`` in a URL. A longer number is no primary key, and the databases would refuse it with an error."""

    regex = f"[0-9]{{1,{MAX_PK_DIGITS}}}"


register_converter(PkConverter, "pk")


class HtmxRequest(HttpRequest):
    """A request that has passed django-htmx's middleware."""

    htmx: HtmxDetails


class SeeOther(HttpResponseRedirect):
    """303: the browser follows with GET, whatever the method was."""

    status_code = HTTPStatus.SEE_OTHER


def render_part(request: HtmxRequest, part: str, page: str, context: Mapping[str, Any]) -> HttpResponse:
    """Renders the partial ``part`` for a request of htmx, else the whole ``page``."""
    partial = request.htmx and not request.htmx.history_restore_request
    response = render(request, part if partial else page, dict(context))
    patch_vary_headers(response, ["HX-Request"])
    return response


def with_status(response: HttpResponse, form: BaseForm) -> HttpResponse:
    """The response with status 429 or 503 and Retry-After, if the form says to try again later."""
    for error in form.non_field_errors().as_data():
        if error.params and error.code in STATUS_OF_ERROR:
            response.status_code = STATUS_OF_ERROR[error.code]
            response["Retry-After"] = str(error.params["seconds"])
    return response


def referring_page(headers: Mapping[str, str], host: str) -> str:
    """Path and query of the page that sent the request. Empty if that is unknown or not on this host."""
    referer = headers.get("referer", "")
    if not url_has_allowed_host_and_scheme(referer, host):
        return ""
    path = urlsplit(referer)._replace(scheme="", netloc="", fragment="").geturl()
    return path if path.startswith("/") and url_has_allowed_host_and_scheme(path, None) else ""


def address(request: HttpRequest | None) -> str:
    """The IP address of the client. Empty without a request, and over a unix socket."""
    return request.META.get("REMOTE_ADDR", "") if request else ""


def search_text(request: HttpRequest) -> str:
    """What the search field of the page sent as ``q``. PostgreSQL refuses a text with NUL."""
    return request.GET.get("q", "").replace("\0", "").strip()[:200]


def wants_json(headers: Mapping[str, str]) -> bool:
    return "application/json" in headers.get("accept", "")


def parse_pk(text: str) -> int | None:
    """A primary key from a URL, a query or a topic. None if it is not one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_PK_DIGITS else None


def parse_pks(texts: Iterable[str]) -> set[int]:
    """The primary keys among these texts."""
    return {pk for text in texts if (pk := parse_pk(text)) is not None}
