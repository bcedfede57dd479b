"""The wire formats of applause-button and of OpenHeart, for pages that have them: only the address of the server
changes.

They send no token, so the same browser in the same network is one visitor, whose applause counts once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.http import address
from core.rate_limits import network_hash
from embed import http, keys, rate_limits, selectors, sites, tokens
from embed.pages import find_or_create, key_of
from embed.sites import EmbeddedSite
from embed.views.tag import MAX_PAGES
from likes import services, tasks
from likes.http import Refusal, limit_new_visitors, refuse_if, stored_version
from likes.services import Click

HEART, HEARTS = "❤️", ("❤️", "❤", "♥️", "♥")
View = Callable[..., HttpResponse]


def for_listed_pages(view: View) -> View:
    """Passes the site on, and lets its pages read the response."""

    @never_cache
    @wraps(view)
    def wrapped(request: HttpRequest, **options: str) -> HttpResponse:
        headers = http.headers_of(request)
        site = None
        try:
            site = sites.find(headers, _parameters(request))
            response = view(request, site, **options)
        except Refusal as refusal:
            return http.response(http.refuse(headers, refusal, listed=site is not None))
        for name, value in (http.cors(headers) | http.READABLE).items():
            response[name] = value
        return response

    return wrapped


def _parameters(request: HttpRequest) -> dict[str, str]:
    """Of a urlencoded form. Other bodies are left unread, because their view reads them."""
    is_form = request.content_type == "application/x-www-form-urlencoded"
    return {name: str(value) for name, value in request.POST.items()} if is_form else {}


@require_safe
@for_listed_pages
def get_claps(request: HttpRequest, site: EmbeddedSite) -> HttpResponse:
    return _number(site, _page(request))


@csrf_exempt
@require_POST
@for_listed_pages
def update_claps(request: HttpRequest, site: EmbeddedSite) -> HttpResponse:
    key = _page(request)
    _like(request, site, key)
    return _number(site, key, waiting=_visitor(request, site))


@csrf_exempt
@require_POST
@for_listed_pages
def get_multiple(request: HttpRequest, site: EmbeddedSite) -> HttpResponse:
    """A list of addresses comes, a list of ``{"url", "claps"}`` goes."""
    try:
        urls = json.loads(request.body)
    except ValueError:
        urls = None
    if not isinstance(urls, list) or len(urls) > MAX_PAGES or not all(isinstance(url, str) for url in urls):
        raise Refusal(HTTPStatus.BAD_REQUEST, gettext_lazy("Send a JSON list of up to 100 addresses."))
    states = selectors.states(site.pk, [key_of(url) for url in urls], None)
    found = [{"url": url, "claps": state["count"]} for url, state in zip(urls, states, strict=True)]
    return HttpResponse(json.dumps(found), content_type="application/json")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@for_listed_pages
def open_heart(request: HttpRequest, site: EmbeddedSite, key: str) -> HttpResponse:
    """``POST`` sends an emoji, of which only hearts are likes; ``GET`` returns their number."""
    key = key_of(key)
    if request.method == "POST":
        if request.body.decode(errors="replace").strip() not in HEARTS:
            raise Refusal(HTTPStatus.BAD_REQUEST, gettext_lazy("Send a heart: ❤️"))
        _like(request, site, key)
        return HttpResponse("", status=HTTPStatus.ACCEPTED)
    [state] = selectors.states(site.pk, [key], None)
    return HttpResponse(json.dumps({HEART: state["count"]}), content_type="application/json")


def _page(request: HttpRequest) -> str:
    return key_of(request.GET.get("url") or request.headers.get("referer", ""))


def _visitor(request: HttpRequest, site: EmbeddedSite) -> str:
    return tokens.without_script(site.pk, address(request), request.headers.get("user-agent", ""))


def _number(site: EmbeddedSite, key: str, *, waiting: str | None = None) -> HttpResponse:
    """``waiting``: the visitor whose like is counted although it is not settled yet."""
    [state] = selectors.states(site.pk, [key], waiting)
    return HttpResponse(state["count"] + state["liked"] - state["counted"], content_type="text/plain")


def _like(request: HttpRequest, site: EmbeddedSite, key: str) -> None:
    visitor, client = _visitor(request, site), address(request)
    refuse_if(rate_limits.clicks.take(str(site.pk)))
    limit_new_visitors(client, keys.digest(site.pk, key))
    post_id = find_or_create(site, key, request.headers.get("referer", ""))
    click = Click(post_id, visitor, True, timezone.now(), network=network_hash(client))
    stored_version(click, services.set_likes(clicks=[click]))
    tasks.enqueue_settling()
