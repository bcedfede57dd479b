"""The team's pages of what is connected outside: the list, connecting, and the log of one destination."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.permissions import staff_only
from notifications.destinations import services as destinations
from notifications.models import Delivery, Destination
from notifications.transports.base import integrations, transport_of
from outbox.outcome import Status

PAGE = 20
UNDERWAY = {Status.RECEIVED, Status.QUEUED, Status.SENDING}


@require_GET
@staff_only
def overview(request: HttpRequest) -> HttpResponse:
    found = [(d, transport_of(d), transport_of(d).display_address(d)) for d in destinations.connected()]
    context = {"destinations": found, "transports": integrations().values()}
    return render(request, "notifications/destinations.html", context)


@require_http_methods(["GET", "POST"])
@staff_only
def connect(request: HttpRequest, transport: str) -> HttpResponse:
    found = integrations().get(transport)
    if not found or not found.form:
        raise Http404
    form = found.form(request.POST or None)
    if not form.is_valid():
        context = {"form": form, "transport": found}
        return render(request, "notifications/connect.html", context, status=422 if form.is_bound else 200)
    destination = form.destination(owner=cast(User, request.user), transport=transport)
    destination.save()
    messages.success(request, gettext("Connected. Send a test to check it."))
    return redirect("destination", destination.pk)


@require_GET
@staff_only
def destination(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, get_object_or_404(destinations.connected(), pk=pk))


@require_POST
@staff_only
def secret(request: HttpRequest, pk: int) -> HttpResponse:
    """The same page with the key that its messages are signed with, for whoever sets up the other side."""
    destination = get_object_or_404(destinations.connected(), pk=pk, transport="webhook")
    return _page(request, destination, secret=destination.secret)


def _page(request: HttpRequest, destination: Destination, *, secret: str = "") -> HttpResponse:
    deliveries = Paginator(destinations.delivery_log(destination), PAGE).get_page(request.GET.get("page"))
    context = {
        "destination": destination,
        "transport": transport_of(destination),
        "address": transport_of(destination).display_address(destination),
        "page": deliveries,
        "version": destination.version,  # read before the log, so that nothing is missed
        "secret": secret,
        "underway": not secret and any(delivery.status in UNDERWAY for delivery in deliveries),
        "failed": destinations.failed(destination).exists() and not destination.paused_at,
    }
    return render(request, "notifications/destination.html", context)


VERBS: dict[str, tuple[Callable[[Destination], object], object]] = {
    "test": (
        lambda d: destinations.send_test(destination=d),
        gettext_lazy("Sending a test message."),
    ),
    "pause": (lambda d: destinations.pause(destination=d), gettext_lazy("Paused.")),
    "resume": (lambda d: destinations.resume(destination=d), gettext_lazy("Resumed.")),
    "replay": (lambda d: destinations.retry_failed(destination=d), gettext_lazy("Resending.")),
    "remove": (lambda d: destinations.remove(destination=d), gettext_lazy("Removed.")),
}


@require_POST
@staff_only
def change(request: HttpRequest, pk: int) -> HttpResponse:
    destination = get_object_or_404(destinations.connected(), pk=pk)
    verb = request.POST.get("do", "")
    if verb not in VERBS:
        return HttpResponseBadRequest("Send do=" + "|".join(VERBS), content_type="text/plain")
    act, said = VERBS[verb]
    act(destination)
    messages.success(request, str(said))
    return redirect("destinations") if verb == "remove" else redirect("destination", pk)


@require_POST
@staff_only
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    delivery = get_object_or_404(Delivery, pk=pk, transport__in=integrations())
    if destinations.retry(delivery=delivery):
        messages.success(request, gettext("Resending."))
    else:
        messages.info(request, gettext("Nothing to retry."))
    return redirect("destination", delivery.destination_id)
