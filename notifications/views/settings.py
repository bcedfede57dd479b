"""The page of notification settings."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from core.http import HtmxRequest
from core.permissions import sign_in_required
from notifications import selectors, services
from notifications.destinations import browsers, email_address
from notifications.forms.settings import DeliveryForm, PreferencesForm
from notifications.models import Destination
from notifications.transports.web_push import public_key


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_required
@never_cache
def preferences(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    destination = selectors.latest_address(user_id=user.pk)
    delivery_form = _delivery_form(user, destination, request.POST or None)
    context = {
        "form": PreferencesForm(staff=user.is_staff, initial=selectors.preferences(user_id=user.pk)),
        "delivery_form": delivery_form,
        "destination": destination,
        "browsers": browsers.connected(user.pk).annotate(here=Q(pk=browsers.read_cookie(request))),
        "push_key": public_key(),
    }
    if not delivery_form.is_valid():
        return render(request, "notifications/preferences.html", context, status=422 if delivery_form.is_bound else 200)
    try:
        requested = _save(user.pk, delivery_form, again="again" in request.POST)
    except email_address.TooOften:
        return _too_often(request, delivery_form, context)
    text = gettext("Saved. Check %(address)s for a confirmation link.") if requested else gettext("Saved.")
    messages.success(request, text % {"address": delivery_form.cleaned_data["address"]})
    return redirect("preferences")


@require_POST
@sign_in_required
def events(request: HtmxRequest) -> HttpResponse:
    """Saves the alert level and the channels of each notification type. htmx sends the form with each change, and gets
    what was saved before, to undo it."""
    user = cast(User, request.user)
    form = PreferencesForm(request.POST, staff=user.is_staff, initial=selectors.preferences(user_id=user.pk))
    if not form.is_valid():
        return HttpResponseBadRequest(gettext("Something about that request wasn't valid."), content_type="text/plain")
    services.set_preferences(user_id=user.pk, **form.columns())
    if request.htmx:
        return render(request, "notifications/_saved.html", {"former": form.former()})
    messages.success(request, gettext("Saved."))
    return redirect("preferences")


def _delivery_form(user: User, destination: Destination | None, data: QueryDict | None) -> DeliveryForm:
    user_settings = selectors.notification_settings(user_id=user.pk)
    initial = user_settings or {"language": get_language(), "time_zone": "UTC"}
    initial |= {"address": destination.address if destination else user.email}
    return DeliveryForm(data, guess=not user_settings, initial=initial)


def _too_often(request: HttpRequest, form: DeliveryForm, context: dict[str, Any]) -> HttpResponse:
    form.add_error("address", gettext("You've reached today's limit. Try again tomorrow."))
    response = render(request, "notifications/preferences.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)
    response["Retry-After"] = str(int(email_address.A_DAY.total_seconds()))
    return response


@transaction.atomic
def _save(user_id: int, delivery_form: DeliveryForm, *, again: bool) -> bool:
    """Returns whether a confirmation email was sent."""
    values: dict[str, Any] = dict(delivery_form.cleaned_data)
    address = values.pop("address")
    services.set_notification_settings(user_id=user_id, **values)
    return email_address.set_address(user_id=user_id, address=address, again=again)
