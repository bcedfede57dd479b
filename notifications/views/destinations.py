"""The integrations, for staff: the list, the form that connects one, and the delivery log of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.http import HtmxRequest
from core.permissions import staff_only
from notifications.destinations import services as destinations
from notifications.models import Delivery, Destination
from notifications.transports.base import integrations, transport_of
from outbox.outcome import Status

PAGE_SIZE = 20
IN_PROGRESS = {Status.RECEIVED, Status.QUEUED, Status.SENDING}


@require_safe
@staff_only
def overview(request: HttpRequest) -> HttpResponse:
    found = [(d, transport_of(d), transport_of(d).display_address(d)) for d in destinations.connected()]
    context = {"destinations": found, "transports": integrations().values()}
    return render(request, "notifications/destinations.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
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


@require_safe
@staff_only
def destination(request: HtmxRequest, pk: int) -> HttpResponse:
    """One integration with its log. A page that shows one and fetches the log again is told that it was removed."""
    if found := destinations.connected().filter(pk=pk).first():
        return _page(request, found)
    if request.htmx:
        return render(request, "notifications/_removed.html")
    raise Http404


@require_POST
@staff_only
def secret(request: HttpRequest, pk: int) -> HttpResponse:
    """The same page with the key that signs its messages, for setting up the receiver."""
    destination = get_object_or_404(destinations.connected(), pk=pk)
    if not transport_of(destination).secret_help:
        raise Http404
    return _page(request, destination, secret=destination.secret)


def _page(request: HttpRequest, destination: Destination, *, secret: str = "") -> HttpResponse:
    log = destination.deliveries.prefetch_related("attempts").order_by("-pk")
    deliveries = Paginator(log, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "destination": destination,
        "transport": transport_of(destination),
        "address": transport_of(destination).display_address(destination),
        "page": deliveries,
        "version": destination.version,  # read before the log, so that no later change is missed
        "secret": secret,
        "in_progress": not secret and any(delivery.status in IN_PROGRESS for delivery in deliveries),
        "failed": destinations.failed(destination).exists() and not destination.paused_at,
    }
    return render(request, "notifications/destination.html", context)


ACTIONS: dict[str, tuple[Callable[[Destination], object], object]] = {
    "test": (
        lambda d: destinations.send_test(destination=d),
        gettext_lazy("Sending a test message."),
    ),
    "pause": (Destination.pause, gettext_lazy("Paused.")),
    "resume": (lambda d: destinations.resume(destination=d), gettext_lazy("Resumed.")),
    "retry": (lambda d: destinations.retry_failed(destination=d), gettext_lazy("Resending.")),
    "remove": (lambda d: destinations.remove(destination=d), gettext_lazy("Removed.")),
}


@require_POST
@staff_only
def change(request: HttpRequest, pk: int) -> HttpResponse:
    destination = get_object_or_404(destinations.connected(), pk=pk)
    action = request.POST.get("do", "")
    if action not in ACTIONS:
        return HttpResponseBadRequest("Send do=" + "|".join(ACTIONS), content_type="text/plain")
    act, text = ACTIONS[action]
    act(destination)
    messages.success(request, str(text))
    return redirect("destinations") if action == "remove" else redirect("destination", pk)


@require_POST
@staff_only
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    delivery = get_object_or_404(Delivery, pk=pk, transport__in=integrations())
    if destinations.retry(delivery=delivery):
        messages.success(request, gettext("Resending."))
    else:
        messages.info(request, gettext("Nothing to retry."))
    return redirect("destination", delivery.destination_id)
