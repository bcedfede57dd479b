"""The list of notifications and what can be done in it: forms for everybody, their answers swapped in by htmx."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.middleware import HtmxDetails

from core.permissions import sign_in_required
from notifications import selectors, services
from notifications.models import Notification, micros
from notifications.selectors import EPOCH
from notifications.types import kinds


class Request(HttpRequest):
    htmx: HtmxDetails


@require_GET
@sign_in_required
@never_cache
def notifications(request: Request) -> HttpResponse:
    """Opening the list is looking: the bell is empty from then on, in every tab."""
    user, before = account(request), request.GET.get("before", "")
    page = selectors.page(user=user, before=before)
    if not before:
        services.look(user=user)
    partial = request.htmx and not request.htmx.history_restore_request
    template = "notifications/_groups.html" if partial else "notifications/list.html"
    response = render(request, template, {**page._asdict(), "undo": request.GET.get("undo", "")})
    patch_vary_headers(response, ["HX-Request"])
    return response


ACTIONS: dict[str, Callable[[Notification], None]] = {
    "read": lambda g: services.mark_read(user=g.recipient_id, group=g.pk, read=True),
    "unread": lambda g: services.mark_read(user=g.recipient_id, group=g.pk, read=False),
    "archive": lambda g: services.archive(user=g.recipient_id, group=g.pk, archived=True),
    "restore": lambda g: services.archive(user=g.recipient_id, group=g.pk, archived=False),
    "mute": lambda g: services.mute(user=g.recipient_id, subject=g.subject, muted=True),
    "unmute": lambda g: services.mute(user=g.recipient_id, subject=g.subject, muted=False),
}


@require_http_methods(["GET", "POST"])
@sign_in_required
@never_cache
def notification(request: Request, pk: int) -> HttpResponse:
    """GET follows it to where it leads, POST does one of the actions."""
    group = get_object_or_404(Notification, pk=pk, recipient=account(request), kind__in=kinds)
    if request.method == "GET":
        services.mark_read(user=group.recipient_id, group=pk, read=True)
        return redirect(kinds[group.kind].url(group))
    action = ACTIONS.get(request.POST.get("do", ""))
    if not action:
        return HttpResponseBadRequest("Send do=" + "|".join(ACTIONS), content_type="text/plain")
    action(group)
    if not request.htmx:
        return redirect("notifications")
    group.refresh_from_db()
    selectors.complete([group], group.recipient_id)
    return render(request, group.template, {"group": group})


@require_POST
@sign_in_required
def all_read(request: HttpRequest) -> HttpResponse:
    at, user = request.POST.get("at", ""), account(request)
    if request.POST.get("do") != "undo":
        return redirect_to_list(undo=micros(services.mark_all_read(user=user)))
    if not at.isdecimal() or len(at) > 16:
        return HttpResponseBadRequest("Send at=<microseconds>", content_type="text/plain")
    services.undo_mark_all(user=user, at=EPOCH + timedelta(microseconds=int(at)))
    return redirect("notifications")


@require_GET
@sign_in_required
@never_cache
def newest(request: HttpRequest) -> HttpResponse:
    """What has just arrived, as one sentence for a page that is being looked at."""
    group = selectors.newest(user=account(request))
    return HttpResponse(group.text if group else "", content_type="text/plain; charset=utf-8")


def account(request: HttpRequest) -> int:
    assert request.user.pk  # noqa: S101  (behind sign_in_required)
    return int(request.user.pk)


def redirect_to_list(*, undo: int) -> HttpResponse:
    response = redirect("notifications")
    response["Location"] += f"?undo={undo}"
    response.status_code = HTTPStatus.SEE_OTHER
    return response
