"""The API keys of a site, for staff: creating one, which is shown once, and revoking it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from core.permissions import staff_only
from embed import services
from embed.forms import ApiKeyForm
from embed.models import ApiKey, Site
from embed.views.manage import render_site


@require_POST
@staff_only
def create(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the key in the response itself: it is stored nowhere, not even in the session."""
    site, form = get_object_or_404(Site, pk=pk), ApiKeyForm(request.POST)
    if not form.is_valid():
        return render_site(request, site, key_form=form, status=422)
    return render_site(request, site, new_key=services.create_api_key(site=site, **form.cleaned_data), status=201)


@require_POST
@staff_only
def revoke(request: HttpRequest, pk: int, key: int) -> HttpResponse:
    found = get_object_or_404(ApiKey.objects.select_related("site"), pk=key, site=pk)
    services.revoke_api_key(key=found)
    messages.success(request, gettext("API key revoked."))
    return redirect(found.site)
