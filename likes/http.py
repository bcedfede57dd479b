"""Requests and replies of the like endpoint and of its Django view: checks, parsing, status and body."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from django.http import HttpRequest, parse_cookie
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from core import correlation, visitors
from core.http import referring_page, wants_json
from core.rate_limits import network_hash
from core.same_origin import Headers, is_known_host, same_origin
from likes import rate_limits
from likes.services import Click, Versions

log = logging.getLogger(__name__)
NOT_STORED = 0  # instead of the version of a like


class Refusal(Exception):
    """The click is not accepted. Has the status, one sentence that says what to do, and for 429 and 503 the seconds to
    wait."""

    def __init__(self, status: HTTPStatus, message: Any, *, wait: int = 0) -> None:
        self.status, self.message, self.wait = status, message, wait


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str = ""
    new_visitor: str = ""  # key that goes into the visitor cookie


def read_click(headers: Headers, form: Mapping[str, Any], post_id: int, address: str = "") -> Click:
    """The click of a request. The form has ``liked=1`` or ``liked=0``: the wanted state, not a toggle, so that a
    repeated request changes nothing. Raises `Refusal` for anything else, for an unknown host, for a page of another
    site and for too many clicks."""
    if not is_known_host(headers.get("host", "")):
        raise Refusal(HTTPStatus.BAD_REQUEST, gettext_lazy("Unknown host name."))
    if not same_origin(headers):
        raise Refusal(HTTPStatus.FORBIDDEN, gettext_lazy("You can only like posts from this site."))
    key = visitors.read_headers(headers)
    refuse_if(rate_limits.clicks.take(key) if key else 0)
    liked = form.get("liked")
    if liked not in ("0", "1"):
        raise Refusal(HTTPStatus.BAD_REQUEST, gettext_lazy("Send liked=1 or liked=0."))
    network = "" if key and key.startswith("u") else network_hash(address)
    request_id = correlation.valid(headers.get("x-request-id", ""))
    return Click(post_id, key or visitors.new_key(), liked == "1", timezone.now(), not key, network, request_id)


def limit_new_visitors(address: str, about: object) -> None:
    """Raises `Refusal` if too many new visitors have clicked from this network, in all or on one post, which ``about``
    identifies. It may wait for Redis."""
    refuse_if(rate_limits.new_visitors.take(address) or rate_limits.new_visitors_of_post.take(address, about=about))


def refuse_if(wait: int) -> None:
    if wait:
        raise Refusal(
            HTTPStatus.TOO_MANY_REQUESTS, gettext_lazy("Too many likes. Wait a moment and try again."), wait=wait
        )


def stored_version(click: Click, versions: Versions | None) -> int:
    """The version of the like that a click has made. Raises `Refusal` if it was not stored."""
    version = NOT_STORED if versions is None else versions.get((click.visitor, click.post_id))
    if version is None:
        raise Refusal(HTTPStatus.NOT_FOUND, gettext_lazy("This post was deleted."))
    if version == NOT_STORED:
        raise unavailable()
    if log.isEnabledFor(logging.INFO):
        _log_accepted(click)
    return version


def _log_accepted(click: Click) -> None:
    request_id = click.request_id or correlation.current()
    with correlation.bound(click.id):
        log.info("click accepted: post %d%s", click.post_id, f", request {request_id}" if request_id else "")


def unavailable() -> Refusal:
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, gettext_lazy("Couldn't save your like. Try again."), wait=2)


def success_reply(headers: Headers, click: Click, version: int) -> Reply:
    """204 for htmx, whose page already shows the like; 202 with JSON; 303 back to the page for a plain form."""
    extra = {"cache-control": "no-store", "x-accepted": str(version), "x-request-id": click.id}
    new_visitor = click.visitor if click.is_first else ""
    if new_visitor:
        extra["hx-trigger"] = "visitor:named"
    if "hx-request" in headers:
        return Reply(204, extra, new_visitor=new_visitor)
    if wants_json(headers):
        body = json.dumps({"post": click.post_id, "liked": click.liked})
        return Reply(202, extra | {"content-type": "application/json"}, body, new_visitor)
    page = referring_page(headers, headers.get("host", "")) or f"/posts/{click.post_id}/"
    return Reply(303, extra | {"location": f"{page}#post-{click.post_id}"}, new_visitor=new_visitor)


def error_reply(headers: Headers, refusal: Refusal, state: Mapping[str, Any] | None = None) -> Reply:
    """One sentence in the visitor's language, as text or as JSON. ``state`` is what the database has; it goes into the
    JSON."""
    extra = {"cache-control": "no-store"} | ({"retry-after": str(refusal.wait)} if refusal.wait else {})
    with translation.override(_language(headers)):
        sentence = str(refusal.message)
    if wants_json(headers):
        body = json.dumps({"error": sentence, **(state or {})})
        return Reply(refusal.status, extra | {"content-type": "application/json"}, body)
    return Reply(refusal.status, extra | {"content-type": "text/plain; charset=utf-8"}, sentence)


def _language(headers: Headers) -> str:
    request = HttpRequest()
    request.COOKIES = parse_cookie(headers.get("cookie", ""))
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get("accept-language", "")
    return translation.get_language_from_request(request)
