"""What the tag requests from pages of other sites: its scripts, and the state of their hearts."""

from __future__ import annotations

import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import condition, require_safe

from embed import http, selectors, sites, tokens
from embed.pages import key_of
from likes.http import Refusal

MAX_PAGES = 100  # in one request, as in static/embed/v1.js
AN_HOUR = 3600  # seconds: then a browser asks whether there is a new version


@cache
def script_text(name: str = "v1") -> str:
    return Path(str(finders.find(f"embed/{name}.js"))).read_text()


def script_etag(request: HttpRequest, name: str = "v1") -> str:
    return f'"{hashlib.sha256(script_text(name).encode()).hexdigest()[:16]}"'


@require_safe
@cache_control(public=True, max_age=AN_HOUR)
@condition(etag_func=script_etag)
def script(request: HttpRequest, name: str = "v1") -> HttpResponse:
    """Every page may load it; what it may do is decided by its requests."""
    response = HttpResponse(script_text(name), content_type="text/javascript; charset=utf-8")
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@require_safe
@never_cache
def pages(request: HttpRequest) -> HttpResponse:
    """``?page=…&page=…&token=…``: the count of each page and whether this visitor likes it. A page that nobody has
    liked does not come into being."""
    headers, site = http.headers_of(request), None
    try:
        site = sites.find(headers, request.GET.dict())
        texts = request.GET.getlist("page")
        if len(texts) > MAX_PAGES:
            raise Refusal(HTTPStatus.BAD_REQUEST, gettext_lazy("Too many pages in one request."))
        visitor = tokens.read(site.pk, request.GET.get("token", ""))
        found = selectors.states(site.pk, [key_of(text) for text in texts], visitor)
    except Refusal as refusal:
        return http.response(http.refuse(headers, refusal, listed=site is not None))
    return http.response(http.json_reply(headers, HTTPStatus.OK, {"pages": found}))
