"""The sites, for staff: the list, a form for one, and its page with the tag to copy and a live preview."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.permissions import staff_only
from embed import services
from embed.forms import ApiKeyForm, RemapForm, SiteForm
from embed.keys import BadKey
from embed.models import Page, Site

PAGE_SIZE = 20
TAG = '<script type="module" src="{url}"></script>\n<red-heart></red-heart>'
FEEDBACK_TAG = (
    '<script type="module" src="{url}"></script>\n<red-feedback></red-feedback>\n<red-feedback helpful></red-feedback>'
)


@require_safe
@staff_only
def overview(request: HttpRequest) -> HttpResponse:
    return render(request, "embed/sites.html", {"sites": Site.objects.prefetch_related("origins")})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def create(request: HttpRequest) -> HttpResponse:
    return _edit(request, Site(owner=cast(User, request.user)), gettext("Created. Copy the tag to your pages."))


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(Site, pk=pk), gettext("Saved."))


def _edit(request: HttpRequest, site: Site, done: str) -> HttpResponse:
    origins = "\n".join(str(origin) for origin in site.origins.all()) if site.pk else ""
    form = SiteForm(request.POST or None, instance=site, initial={"origins": origins})
    if form.is_valid():
        try:
            services.save_site(site=form.instance, origins=form.cleaned_data["origins"])
        except IntegrityError:  # since the form was checked, another site got one of them
            form.add_error("origins", gettext("One of these origins belongs to another site."))
    if not form.is_valid():
        context = {"form": form, "site": site}
        return render(request, "embed/form.html", context, status=422 if form.is_bound else 200)
    messages.success(request, done)
    return redirect(site)


@require_safe
@staff_only
def site(request: HttpRequest, pk: int) -> HttpResponse:
    return render_site(request, get_object_or_404(Site, pk=pk))


@require_POST
@staff_only
def remap(request: HttpRequest, pk: int) -> HttpResponse:
    """Gives the likes of a page to another URL."""
    found, form = get_object_or_404(Site, pk=pk), RemapForm(request.POST)
    if form.is_valid():
        try:
            services.remap(site=found, **form.cleaned_data)
        except (BadKey, Page.DoesNotExist, IntegrityError) as error:
            form.add_error(None, PROBLEMS[type(error)])
    if not form.is_valid():
        return render_site(request, found, form=form, status=422)
    messages.success(request, gettext("Moved."))
    return redirect(found)


PROBLEMS = {
    BadKey: gettext_lazy("Enter a valid URL or key."),
    Page.DoesNotExist: gettext_lazy("The old page has no likes."),
    IntegrityError: gettext_lazy("The new page has likes of its own."),
}


@require_POST
@staff_only
def secret(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the secret that signs user ids, with ``do=replace`` a new one."""
    found = get_object_or_404(Site, pk=pk)
    if request.POST.get("do") == "replace":
        services.replace_secret(site=found)
    return render_site(request, found, secret=found.secret)


@require_POST
@staff_only
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    services.delete_site(site=get_object_or_404(Site, pk=pk))
    messages.success(request, gettext("Deleted."))
    return redirect("sites")


def render_site(request: HttpRequest, site: Site, *, status: int = 200, **extra: object) -> HttpResponse:
    """The page of a site. ``extra`` may have a ``form`` or ``key_form`` with errors, a ``new_key``, the ``secret``."""
    pages = site.pages.select_related("post").order_by("-post__like_count", "-pk")
    context = {
        "site": site,
        "tag": TAG.format(url=settings.SITE_URL + reverse("embed_script")),
        "feedback_tag": FEEDBACK_TAG.format(url=settings.SITE_URL + reverse("embed_feedback_script")),
        "page": Paginator(pages, PAGE_SIZE).get_page(request.GET.get("page")),
        "form": RemapForm(),
        "key_form": ApiKeyForm(),
    }
    response = render(request, "embed/site.html", context | extra, status=status)
    if "secret" in extra:
        add_never_cache_headers(response)
    return response
