from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import replace_url

from core import sessions, visitors
from core.http import HtmxRequest, address, parse_pk, render_part, search_text, wants_json, with_status
from core.permissions import sign_in_required, staff_only
from core.visitors import visitor_of
from likes import http, networks, rate_limits, selectors, services, tasks
from likes.forms import PostForm
from likes.http import Refusal
from likes.models import Post

PAGES_BY_THEMSELVES = 3  # that scrolling loads; the next ones come by a click


@require_safe
@never_cache
def feed(request: HtmxRequest) -> HttpResponse:
    """After each page that htmx loads, the address of the feed is ``?through=<id>``: whoever comes back finds as many
    posts as they had."""
    draft = request.session.pop("draft", "") if not request.htmx and request.user.is_authenticated else ""
    context = _posts(request) | {"form": PostForm(initial={"text": draft})}
    response = render_part(request, "likes/_posts.html", "likes/feed.html", context)
    if request.htmx and context["posts"]:
        replace_url(response, _query(through=context["posts"][-1].pk, q=context["search"]))
    return response


def _posts(request: HttpRequest) -> dict[str, Any]:
    """What both the feed and a further page of it show."""
    search = search_text(request)
    before, through, pages = (parse_pk(request.GET.get(name, "")) for name in ("before", "through", "pages"))
    posts, more = selectors.feed(visitor=visitor_of(request), before=before, through=through, search=search)
    newest = selectors.newest() if before or search else posts[0].pk if posts else 0
    older = _query(before=more, pages=(pages or 0) + 1, q=search) if more else ""
    return {
        "posts": posts,
        "newest": newest,
        "older": older,
        "by_itself": (pages or 0) < PAGES_BY_THEMSELVES,
        "search": search,
    }


def _query(**parameters: object) -> str:
    """The address of the feed with these parameters, without the empty ones."""
    return f"{reverse('feed')}?{urlencode({name: value for name, value in parameters.items() if value})}"


@require_safe
@never_cache
def post(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Post.objects.select_related("author"), pk=pk)
    selectors.with_personal_likes([found], visitor_of(request))
    if wants_json(request.headers):
        return JsonResponse(found.state)
    if found.page_url:
        return redirect(found.page_url)
    canonical = settings.SITE_URL + found.get_absolute_url()
    return render(request, "likes/post.html", {"post": found, "canonical": canonical})


@require_POST
def write(request: HttpRequest) -> HttpResponse:
    """If the session has ended, the text is kept in the new session and is in the form again after sign-in."""
    if not request.user.is_authenticated:
        request.session["draft"] = request.POST.get("text", "")[:2000]
        return redirect_to_login(reverse("feed"))
    form = PostForm(request.POST)
    if not _may_save(form, request):
        return with_status(render(request, "likes/feed.html", _posts(request) | {"form": form}, status=422), form)
    services.write_post(author=cast(User, request.user), text=form.cleaned_data["text"])
    return redirect("feed")


def _may_save(form: PostForm, request: HttpRequest) -> bool:
    if form.is_valid() and (wait := rate_limits.posts.take(str(request.user.pk))):
        message = _("Too many posts. Wait %(seconds)s seconds and try again.")
        form.add_error(None, ValidationError(message, "limit", {"seconds": wait}))
    return form.is_valid()


@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_required
@never_cache
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Post, pk=pk, author=request.user)
    form = PostForm(request.POST or None, initial={"text": found.text})
    if not form.is_bound or not _may_save(form, request):
        context = {"form": form, "post": found}
        return with_status(render(request, "likes/edit.html", context, status=422 if form.is_bound else 200), form)
    if form.has_changed():
        services.edit_post(post=found, text=form.cleaned_data["text"])
    return redirect("post", pk)


@require_safe
@never_cache
def likes(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Post, pk=pk)
    names, others = selectors.who_likes(found)
    return render(request, "likes/likes.html", {"post": found, "names": names, "others": others})


@require_POST
@sign_in_required
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    services.delete_post(post=get_object_or_404(Post, pk=pk, author=request.user))
    return redirect("feed")


@require_safe
@staff_only
def waves(request: HttpRequest) -> HttpResponse:
    return render(request, "likes/waves.html", {"waves": networks.waves()})


@require_POST
@staff_only
def take_back(request: HttpRequest) -> HttpResponse:
    number = services.take_back(network=request.POST.get("network", ""))
    text = ngettext("%(number)s like removed.", "%(number)s likes removed.", number)
    messages.success(request, text % {"number": f"{number:,}"})
    return redirect("waves")


@csrf_exempt  # http.read_click() checks the origin instead, as in the like endpoint, which has no session
@require_POST
def like(request: HttpRequest, pk: int) -> HttpResponse:
    """The like endpoint as a Django view: for multipart forms, for WSGI servers and for tests."""
    headers = {name.lower(): value for name, value in request.headers.items()} | {"host": request.get_host()}
    if session := visitors.unknown_session(headers):
        sessions.load([session])
    try:
        click = http.read_click(headers, request.POST, pk, address(request))
        if click.is_first:
            http.limit_new_visitors(address(request), pk)
        version = http.stored_version(click, services.set_likes(clicks=[click]))
    except Refusal as refusal:
        reply = http.error_reply(headers, refusal, selectors.state_for_headers(headers, pk) if refusal.wait else None)
    else:
        tasks.enqueue_settling()
        reply = http.success_reply(headers, click, version)
    response = HttpResponse(reply.body, status=reply.status, headers=reply.headers)
    if reply.new_visitor:
        visitors.set_cookie(response, reply.new_visitor)
    return response
