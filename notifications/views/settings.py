"""What somebody wants to be told of, where, and when."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.permissions import sign_in_required
from notifications import selectors, services
from notifications.destinations import browsers, email_address
from notifications.forms.settings import DeliveryForm, PreferencesForm
from notifications.transports.web_push import public_key
from notifications.types import offered


@require_http_methods(["GET", "POST"])
@sign_in_required
@never_cache
def preferences(request: HttpRequest) -> HttpResponse:
    user, data = cast(User, request.user), request.POST or None
    user_settings, destination = selectors.user_settings(user=user.pk), selectors.typed(user=user.pk)
    form = PreferencesForm(
        data,
        notification_types=offered(staff=user.is_staff),
        staff=user.is_staff,
        initial=selectors.preferences(user=user.pk),
    )
    chosen = {
        "address": destination.address if destination else "",
        **(user_settings or {"language": get_language(), "time_zone": "UTC"}),
    }
    how = DeliveryForm(data, guess=not user_settings, initial=chosen)
    page = {
        "form": form,
        "how": how,
        "destination": destination,
        "browsers": browsers.shown(request),
        "push_key": public_key(),
    }
    if not (form.is_valid() and how.is_valid()):
        return render(request, "notifications/preferences.html", page)
    try:
        asked = _save(user.pk, form, how, again="again" in request.POST)
    except email_address.TooOften:
        how.add_error("address", gettext("You've reached today's limit. Try again tomorrow."))
        response = render(request, "notifications/preferences.html", page, status=HTTPStatus.TOO_MANY_REQUESTS)
        response["Retry-After"] = str(int(email_address.A_DAY.total_seconds()))
        return response
    said = gettext("Saved. Check %(address)s for a confirmation link.") if asked else gettext("Saved.")
    messages.success(request, said % {"address": how.cleaned_data["address"]})
    return redirect("preferences")


@transaction.atomic
def _save(user: int, form: PreferencesForm, how: DeliveryForm, *, again: bool) -> bool:
    """Returns whether a confirmation mail was sent."""
    user_settings: dict[str, Any] = dict(how.cleaned_data)
    address = user_settings.pop("address")
    services.set_preferences(user=user, **form.columns())
    services.set_user_settings(user=user, **user_settings)
    return email_address.set_address(user=user, address=address, again=again)
