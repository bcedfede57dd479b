"""Replies to the tags on other sites, and what their requests have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri

from core.http import wants_json
from core.same_origin import Headers
from embed import pages
from embed.sites import EmbeddedSite
from likes.http import Refusal, Reply, error_reply
from likes.services import Click

# Without it the tag could not tell a page that is not listed from a server that is away, and OpenHeart's client, which
# sends its requests in the mode "no-cors", would fail.
READABLE = {"cross-origin-resource-policy": "cross-origin"}


def cors(headers: Headers) -> dict[str, str]:
    """Lets exactly this origin read the response. Without credentials: the tag sends no cookies."""
    origin = headers.get("origin")
    return {"vary": "Origin"} | ({"access-control-allow-origin": origin} if origin else {})


def json_reply(headers: Headers, status: int, body: Mapping[str, Any]) -> Reply:
    extra = {"content-type": "application/json", "cache-control": "no-store"}
    return Reply(status, extra | cors(headers), json.dumps(body))


def refuse(headers: Headers, refusal: Refusal, *, listed: bool) -> Reply:
    """``listed``: the page may read why. Another page cannot, and the tag says so in the console."""
    reply = error_reply(headers, refusal)
    return reply._replace(headers=reply.headers | cors(headers if listed else {}))


def back(headers: Headers, site: EmbeddedSite, url: str) -> Reply:
    """Back to the page that sent a plain form, or to its site if it did not say which."""
    page = pages.site_url(site, url) or next(iter(sorted(site.origins)), "/")
    return Reply(303, {"location": iri_to_uri(page), "cache-control": "no-store", "vary": "Origin"})


def with_id(reply: Reply, click: Click) -> Reply:
    return reply._replace(headers=reply.headers | {"x-request-id": click.id})


def is_form(headers: Headers) -> bool:
    """Whether a plain form without script was sent."""
    return not wants_json(headers)


def headers_of(request: HttpRequest) -> Headers:
    return {name.lower(): value for name, value in request.headers.items()} | {"host": request.get_host()}


def response(reply: Reply) -> HttpResponse:
    return HttpResponse(reply.body, status=reply.status, headers=reply.headers | READABLE)
