"""What a click on a heart may be, and what it is answered: the rules that the like door and its Django view share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.http import HttpRequest, parse_cookie
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy

from core import visitors
from core.clock import microseconds
from core.http import wants_json
from core.rate_limits import network
from core.same_origin import Headers, known_host, same_origin
from likes import rate_limits

NO_SUCH_POST = gettext_lazy("This post was deleted.")
TRY_AGAIN = gettext_lazy("Couldn't save your like. Try again.")


class Refusal(Exception):
    """A click that is not accepted: a status and one sentence that says what to do."""

    def __init__(self, status: HTTPStatus, sentence: Any, *, wait: int = 0) -> None:
        self.status, self.sentence, self.wait = status, sentence, wait


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str = ""
    newcomer: str = ""  # the key to remember in a cookie


class Visitor(NamedTuple):
    key: str
    new: bool


def admit(headers: Headers, address: str) -> Visitor:
    """Who clicks. Raises `Refusal` for another site's page and for too many clicks."""
    if not known_host(headers):
        raise Refusal(HTTPStatus.BAD_REQUEST, gettext_lazy("Unknown host name."))
    if not same_origin(headers):
        raise Refusal(HTTPStatus.FORBIDDEN, gettext_lazy("You can only like posts from this site."))
    key = visitors.read(parse_cookie(headers.get("cookie", "")).get(visitors.COOKIE))
    wait = rate_limits.clicks.take(key) if key else rate_limits.newcomers.take(network(address))
    if wait:
        raise Refusal(
            HTTPStatus.TOO_MANY_REQUESTS, gettext_lazy("Too many likes. Wait a moment and try again."), wait=wait
        )
    return Visitor(key or visitors.new_key(), new=not key)


def wanted(values: Mapping[str, Any]) -> bool:
    """``liked=1`` or ``liked=0``: the wanted state, never a toggle, so that a repeated click changes nothing."""
    value = values.get("liked")
    if value not in ("0", "1"):
        raise Refusal(HTTPStatus.BAD_REQUEST, gettext_lazy("Send liked=1 or liked=0."))
    return value == "1"


def accepted(headers: Headers, visitor: Visitor, *, post: int, liked: bool, at: datetime) -> Reply:
    """The page already shows it (204), a program is told (202), a plain form goes back to where it was (303)."""
    extra = {"cache-control": "no-store", "x-accepted": str(microseconds(at))}
    newcomer = visitor.key if visitor.new else ""
    if newcomer:
        extra["hx-trigger"] = "visitor:named"
    if "hx-request" in headers:
        return Reply(204, extra, newcomer=newcomer)
    if wants_json(headers):
        body = json.dumps({"post": post, "liked": liked})
        return Reply(202, extra | {"content-type": "application/json"}, body, newcomer)
    return Reply(303, extra | {"location": f"{_came_from(headers, post)}#post-{post}"}, newcomer=newcomer)


def refused(headers: Headers, refusal: Refusal, state: Mapping[str, Any] | None = None) -> Reply:
    """One sentence in the visitor's language; JSON, with the true state if it is known, where JSON was asked for."""
    extra = {"cache-control": "no-store"} | ({"retry-after": str(refusal.wait)} if refusal.wait else {})
    with translation.override(_language(headers)):
        sentence = str(refusal.sentence)
    if wants_json(headers):
        body = json.dumps({"error": sentence, **(state or {})})
        return Reply(refusal.status, extra | {"content-type": "application/json"}, body)
    return Reply(refusal.status, extra | {"content-type": "text/plain; charset=utf-8"}, sentence)


def _came_from(headers: Headers, post: int) -> str:
    referer = headers.get("referer", "").split("#")[0]
    if referer and url_has_allowed_host_and_scheme(referer, {headers.get("host", "")}):
        return urlsplit(referer)._replace(scheme="", netloc="").geturl()
    return f"/posts/{post}/"


def _language(headers: Headers) -> str:
    request = HttpRequest()
    request.COOKIES = parse_cookie(headers.get("cookie", ""))
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get("accept-language", "")
    return translation.get_language_from_request(request)
