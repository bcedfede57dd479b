"""What a browser asks of the site as a whole: its theme, its manifest and robots.txt."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from core.http import SeeOther

THEMES = ("light", "dark")
COOKIE = "theme"
A_YEAR = 31_536_000  # seconds
NOT_FOR_ROBOTS = (
    "/account/",
    "/accounts/",
    "/admin/",
    "/feedback/",
    "/inbox/",
    "/lessons/",
    "/monitor/",
    "/notifications/",
)


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the theme that the visitor has chosen, or an empty text for that of the system; the share of
    clicks whose times pages report; whether this is a development site, and whether anybody can sign up."""
    chosen = request.COOKIES.get(COOKIE, "")
    theme = chosen if chosen in THEMES else ""
    return {
        "theme": theme,
        "click_sample": settings.CLICK_SAMPLE,
        "development": settings.DEBUG,
        "signup_open": settings.SIGNUP,
    }


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    chosen, page = request.POST.get("theme", ""), request.POST.get("next", "")
    if chosen not in ("", *THEMES):
        return HttpResponseBadRequest("Send theme=|light|dark", content_type="text/plain")
    safe = page.startswith("/") and url_has_allowed_host_and_scheme(page, None)
    response = SeeOther(page if safe else reverse("feed"))
    response.set_cookie(COOKIE, chosen, max_age=A_YEAR, samesite="Lax", httponly=True, secure=request.is_secure())
    return response


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """For adding the site to a home screen, which web push on iOS needs."""
    icons = [
        {"src": static("icon.svg"), "sizes": "any", "type": "image/svg+xml"},
        {"src": static("icon-512.png"), "sizes": "512x512", "type": "image/png", "purpose": "any maskable"},
    ]
    values = {
        "name": "Redheart",
        "short_name": "Redheart",
        "start_url": reverse("feed"),
        "display": "standalone",
        "background_color": "#fbfaf8",
        "theme_color": "#fbfaf8",
        "icons": icons,
    }
    return JsonResponse(values, content_type="application/manifest+json")


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in NOT_FOR_ROBOTS)]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain")
