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
from notifications.forms.settings import HabitsForm, PreferencesForm
from notifications.transports.web_push import public_key
from notifications.types import offered


@require_http_methods(["GET", "POST"])
@sign_in_required
@never_cache
def preferences(request: HttpRequest) -> HttpResponse:
    user, data = cast(User, request.user), request.POST or None
    habits, place = selectors.habits(user=user.pk), selectors.typed(user=user.pk)
    form = PreferencesForm(
        data, kinds=offered(staff=user.is_staff), staff=user.is_staff, initial=selectors.preferences(user=user.pk)
    )
    chosen = {"address": place.address if place else "", **(habits or {"language": get_language(), "time_zone": "UTC"})}
    how = HabitsForm(data, guess=not habits, initial=chosen)
    page = {"form": form, "how": how, "place": place, "browsers": browsers.shown(request), "push_key": public_key()}
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
def _save(user: int, form: PreferencesForm, how: HabitsForm, *, again: bool) -> bool:
    """Returns whether a confirmation mail was sent."""
    habits: dict[str, Any] = dict(how.cleaned_data)
    address = habits.pop("address")
    services.set_preferences(user=user, **form.columns())
    services.set_habits(user=user, **habits)
    return email_address.set_address(user=user, address=address, again=again)
