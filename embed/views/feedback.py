"""What the feedback tag sends from pages of other sites: messages, and answers to "Was this page helpful?".

Both are urlencoded forms, which browsers send to another origin without a preflight.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.http import SeeOther, address
from embed import http, rate_limits, tokens
from embed.asgi import new_key
from embed.forms import TagFeedbackForm
from embed.identity import verified_user
from embed.pages import listed_key
from embed.sites import EmbeddedSite
from embed.sources import source_of
from embed.views.other_clients import for_listed_pages
from feedback import rate_limits as feedback_limits
from feedback import services
from likes.http import Refusal

MAX_FORM = 64  # characters of the id of a form


@csrf_exempt
@require_POST
@for_listed_pages
def send_message(request: HttpRequest, site: EmbeddedSite) -> HttpResponse:
    """``message``, and optionally ``email``, ``page``, ``token``, ``user`` with ``signature``, and ``form``: any text
    that makes a form sent twice one message."""
    form, page = _valid_form(request), request.POST.get("page", "")
    key = listed_key(site, page) if page else ""
    _, token = _visitor(request, site)
    form_id = request.POST.get("form", "")[:MAX_FORM]
    message = services.submit_message(
        email=form.cleaned_data["email"],
        page=key,
        form=f"{source_of(site.pk)} {form_id}" if form_id else "",
        **_message_values(request, site, form),
    )
    receipt = settings.SITE_URL + message.get_absolute_url() if message.email else None
    return _respond(request, site, HTTPStatus.CREATED, {"receipt": receipt, **token})


@csrf_exempt
@require_POST
@for_listed_pages
def rate(request: HttpRequest, site: EmbeddedSite) -> HttpResponse:
    """``page`` and ``helpful=1|0``, and optionally ``token`` and ``text``. Rating again changes the vote."""
    if request.POST.get("helpful") not in ("0", "1"):
        raise Refusal(HTTPStatus.BAD_REQUEST, gettext_lazy("Send helpful=1 or helpful=0."))
    helpful, key = request.POST["helpful"] == "1", listed_key(site, request.POST.get("page", ""))
    form = _valid_form(request, "text") if request.POST.get("text", "").strip() else None
    visitor, token = _visitor(request, site)
    content = _message_values(request, site, form) if form else {"source": source_of(site.pk)}
    services.rate_page(page=key, visitor=visitor, helpful=helpful, **content)
    return _respond(request, site, HTTPStatus.OK, {"helpful": helpful, **token})


def _valid_form(request: HttpRequest, field: str = "message") -> TagFeedbackForm:
    form = TagFeedbackForm(request.POST.dict() | {"message": request.POST.get(field, "")})
    if not form.is_valid():
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, next(iter(form.errors.values()))[0])
    return form


def _message_values(request: HttpRequest, site: EmbeddedSite, form: TagFeedbackForm) -> dict[str, Any]:
    user, signature = request.POST.get("user", ""), request.POST.get("signature", "")
    return {
        "text": form.cleaned_data["message"],
        "spam": form.looks_like_spam,
        "source": source_of(site.pk),
        "identity": verified_user(site.pk, user, signature),
    }


def _visitor(request: HttpRequest, site: EmbeddedSite) -> tuple[str, dict[str, str]]:
    """The visitor key, and for a new visitor the token to keep. Raises `Refusal` for too many requests."""
    known, client = tokens.read(site.pk, request.POST.get("token", "")), address(request)
    wait = feedback_limits.networks.take(client) or rate_limits.feedback.take(str(site.pk))
    if wait := wait or (feedback_limits.visitors.take(known) if known else 0):
        sentence = gettext_lazy("You've sent a lot of messages. Please try again shortly.")
        raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, sentence, wait=wait)
    key = known or new_key(site, http.headers_of(request), client)
    return key, {} if known else {"token": tokens.issue(site.pk, key)}


def _respond(request: HttpRequest, site: EmbeddedSite, status: int, body: dict[str, Any]) -> HttpResponse:
    """JSON for the tag. A plain form leads to the receipt, or back to its page."""
    headers = http.headers_of(request)
    if not http.is_form(headers):
        return http.response(http.json_reply(headers, status, body))
    if body.get("receipt"):
        return SeeOther(body["receipt"])
    return http.response(http.back(headers, site, request.POST.get("url") or request.POST.get("page", "")))
