"""The list of notifications and its actions: forms, whose responses htmx swaps in."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.clock import microseconds, parse_microseconds
from core.database import incidental_write
from core.http import HtmxRequest, SeeOther, render_part
from core.permissions import sign_in_required
from notifications import selectors, services
from notifications.models import Notification
from notifications.types import notification_types, url_of


@require_safe
@sign_in_required
@never_cache
def notifications(request: HtmxRequest) -> HttpResponse:
    """Opening the list sets the bell to 0, in every tab."""
    user_id, before, show = account_id(request), request.GET.get("before", ""), request.GET.get("show", "")
    show = show if show in selectors.FILTERS else ""
    page = selectors.page(user_id=user_id, before=before, show=show)
    if not (before or show):
        with incidental_write():
            services.look(user_id=user_id)
    filters = [(name, label) for name, (label, _) in selectors.FILTERS.items()]
    context = {**page._asdict(), "show": show, "filters": filters, "undo": request.GET.get("undo", "")}
    return render_part(request, "notifications/_groups.html", "notifications/list.html", context)


ACTIONS: dict[str, Callable[[Notification], None]] = {
    "read": lambda g: services.mark_read(user_id=g.recipient_id, group_id=g.pk, read=True),
    "unread": lambda g: services.mark_read(user_id=g.recipient_id, group_id=g.pk, read=False),
    "archive": lambda g: services.archive(user_id=g.recipient_id, group_id=g.pk, archived=True),
    "restore": lambda g: services.archive(user_id=g.recipient_id, group_id=g.pk, archived=False),
    "mute": lambda g: services.mute(user_id=g.recipient_id, subject=g.subject, muted=True),
    "unmute": lambda g: services.mute(user_id=g.recipient_id, subject=g.subject, muted=False),
}


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_required
@never_cache
def notification(request: HtmxRequest, pk: int) -> HttpResponse:
    """GET marks it as read and redirects to its page, POST does one of the actions."""
    group = get_object_or_404(Notification, pk=pk, recipient=account_id(request), type__in=notification_types)
    if request.method == "GET":
        with incidental_write():
            services.mark_read(user_id=group.recipient_id, group_id=pk, read=True)
        return redirect(url_of(group))
    action = ACTIONS.get(request.POST.get("do", ""))
    if not action:
        return HttpResponseBadRequest("Send do=" + "|".join(ACTIONS), content_type="text/plain")
    action(group)
    if not request.htmx:
        return redirect("notifications")
    group.refresh_from_db()
    selectors.complete([group], group.recipient_id)
    return render(request, "notifications/_group.html", {"group": group})


@require_POST
@sign_in_required
def all_read(request: HttpRequest) -> HttpResponse:
    user_id = account_id(request)
    if request.POST.get("do") != "undo":
        at = microseconds(services.mark_all_read(user_id=user_id))
        return SeeOther(f"{reverse('notifications')}?undo={at}")
    undone = parse_microseconds(request.POST.get("at", ""))
    if not undone:
        return HttpResponseBadRequest("Send at=<microseconds>", content_type="text/plain")
    services.undo_mark_all_read(user_id=user_id, at=undone)
    return redirect("notifications")


@require_safe
@sign_in_required
@never_cache
def newest(request: HttpRequest) -> HttpResponse:
    """The text of the latest unseen notification, for the announcement on an open page."""
    group = selectors.newest(user_id=account_id(request))
    return HttpResponse(group.text if group else "", content_type="text/plain; charset=utf-8")


def account_id(request: HttpRequest) -> int:
    return int(request.user.pk or 0)
