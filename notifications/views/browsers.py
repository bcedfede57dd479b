"""Browsers that get push: a script connects one, forms test and remove it. The service worker is served here, too."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from core import user_agents
from core.permissions import sign_in_required
from core.same_origin import same_origin
from notifications.destinations import browsers
from notifications.forms.browsers import SubscriptionForm
from notifications.transports.web_push import public_key
from notifications.views.notifications import account_id

SERVICE_WORKER = Path(settings.BASE_DIR, "static/js/push-worker.js")


@require_safe
@never_cache
def push_worker(request: HttpRequest) -> HttpResponse:
    """At the root of the site: a service worker controls the folder that it is in."""
    return HttpResponse(SERVICE_WORKER.read_bytes(), content_type="text/javascript; charset=utf-8")


@csrf_exempt  # a service worker has no token; the same-origin check replaces it
@require_POST
@sign_in_required
def connect_browser(request: HttpRequest) -> HttpResponse:
    if not same_origin({name.lower(): value for name, value in request.headers.items()}):
        return HttpResponseForbidden(gettext("Push can only be enabled from this site."), content_type="text/plain")
    if not public_key():
        raise Http404
    form = SubscriptionForm(request.POST)
    if not form.is_valid():
        return refused(form.first_error())
    try:
        destination = browsers.connect(
            user_id=account_id(request),
            subscription=form.cleaned_data,
            name=user_agents.name_of(request.headers.get("User-Agent", "")),
            replaces=browsers.read_cookie(request),
        )
    except browsers.TooMany:
        return refused(gettext("You already have 10 devices. Remove one first."))
    response = HttpResponse(status=201)
    browsers.set_cookie(response, destination)
    return response


@require_POST
@sign_in_required
def browser(request: HttpRequest, pk: int) -> HttpResponse:
    destination = get_object_or_404(browsers.connected(account_id(request)), pk=pk)
    match request.POST.get("do"):
        case "test":
            browsers.send_test(destination)
            messages.success(request, gettext("Sending a test to %(browser)s.") % {"browser": destination.name})
        case "remove":
            destination.delete()
            messages.success(request, gettext("Push is off on %(browser)s.") % {"browser": destination.name})
        case _:
            return HttpResponseBadRequest("Send do=test|remove", content_type="text/plain")
    return redirect("preferences")


def refused(reason: str) -> HttpResponse:
    return HttpResponseBadRequest(reason, content_type="text/plain; charset=utf-8")
