"""A browser is connected by our scripts, and tested and removed by forms; the service worker is served to it here."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from core.permissions import sign_in_required
from core.same_origin import same_origin
from notifications.destinations import browsers
from notifications.forms.browsers import SubscriptionForm
from notifications.transports.web_push import public_key
from notifications.views.notifications import account

WORKER = Path(settings.BASE_DIR, "static/js/push-worker.js")


@require_GET
@never_cache
def push_worker(request: HttpRequest) -> HttpResponse:
    """From the root, because a service worker serves the folder that it comes from."""
    return HttpResponse(WORKER.read_bytes(), content_type="text/javascript; charset=utf-8")


@csrf_exempt  # a service worker has no token: the same-origin check stands in for it
@require_POST
@sign_in_required
def connect_browser(request: HttpRequest) -> HttpResponse:
    if not same_origin({name.lower(): value for name, value in request.headers.items()}):
        return HttpResponseForbidden(gettext("Push can only be enabled from this site."), content_type="text/plain")
    if not public_key():
        raise Http404
    form = SubscriptionForm(request.POST)
    if not form.is_valid():
        return refused(form.sentence())
    name, before = browsers.name_of(request.headers.get("User-Agent", "")), browsers.here(request)
    try:
        destination = browsers.connect(user=account(request), subscription=form.cleaned_data, name=name, before=before)
    except browsers.TooMany:
        return refused(gettext("You already have 10 devices. Remove one first."))
    response = HttpResponse(status=201)
    browsers.remember(response, destination)
    return response


@require_POST
@sign_in_required
def browser(request: HttpRequest, pk: int) -> HttpResponse:
    destination = get_object_or_404(browsers.connected(account(request)), pk=pk)
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


def refused(sentence: str) -> HttpResponse:
    return HttpResponseBadRequest(sentence, content_type="text/plain; charset=utf-8")
