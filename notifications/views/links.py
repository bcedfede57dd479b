"""The pages behind the links in emails. They work without signing in. GET changes nothing, because mail scanners open
every link."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.core.signing import BadSignature, SignatureExpired
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from notifications import services
from notifications.destinations import email_address
from notifications.digest import links
from notifications.models import Destination, NotificationSettings

ONE_CLICK = "List-Unsubscribe", "One-Click"  # RFC 8058: the mail provider posts it, without a session


def signed_link(read: Callable[[str], Any]) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A view decorator: calls the view with what ``read`` returns for the token of the link."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @require_http_methods(["GET", "HEAD", "POST"])
        @never_cache
        @wraps(view)
        def wrapped(request: HttpRequest, token: str) -> HttpResponse:
            try:
                response = view(request, read(token))
            except SignatureExpired:
                response = refused(request, HTTPStatus.GONE)
            except BadSignature:
                response = refused(request, HTTPStatus.NOT_FOUND)
            response["X-Robots-Tag"] = "noindex"
            return response

        return wrapped

    return decorate


def refused(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    return render(request, "notifications/refused.html", {"gone": status == HTTPStatus.GONE}, status=status)


@signed_link(links.read_address)
def address(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirms that the digest may be sent to an address."""
    destination = get_object_or_404(Destination.objects.select_related("owner"), pk=pk)
    if "confirmed" not in destination.options or (
        request.method == "POST" and not email_address.confirm(destination=destination)
    ):
        return refused(request, HTTPStatus.GONE)
    destination.refresh_from_db(fields=["options"])
    return render(request, "notifications/address.html", {"destination": destination})


@csrf_exempt
@signed_link(links.read_digest)
def unsubscribe(request: HttpRequest, subscription: links.Subscription) -> HttpResponse:
    user_settings = get_object_or_404(NotificationSettings, user=subscription.user_id)
    context: dict[str, object] = {"user_settings": user_settings}
    if request.method == "POST":
        if ONE_CLICK in request.POST.items():
            services.set_digest(user_id=user_settings.user_id, digest="")
            context["again"] = links.sign_again(subscription)
        elif "again" not in request.POST:
            return HttpResponseBadRequest("Send List-Unsubscribe=One-Click", content_type="text/plain")
        elif links.read_again(request.POST["again"]) == subscription and not user_settings.digest:
            services.set_digest(user_id=user_settings.user_id, digest=subscription.digest)
        user_settings.refresh_from_db(fields=["digest"])
    return render(request, "notifications/unsubscribe.html", context)
