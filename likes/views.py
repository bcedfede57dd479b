from __future__ import annotations

from typing import cast

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from core import sessions, visitors
from core.http import HtmxRequest, address, parse_pk, render_part, wants_json, with_status
from core.permissions import sign_in_required
from core.visitors import visitor_of
from likes import http, rate_limits, selectors, services, tasks
from likes.forms import PostForm
from likes.http import Refusal
from likes.models import Post


@require_GET
@never_cache
def feed(request: HtmxRequest) -> HttpResponse:
    before = parse_pk(request.GET.get("before", ""))
    posts, more = selectors.feed(visitor=visitor_of(request), before=before)
    draft = request.session.pop("draft", "") if not request.htmx and request.user.is_authenticated else ""
    context = {"posts": posts, "more": more, "form": PostForm(initial={"text": draft})}
    return render_part(request, "likes/_posts.html", "likes/feed.html", context)


@require_GET
@never_cache
def post(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Post.objects.select_related("author"), pk=pk)
    selectors.with_personal_likes([found], visitor_of(request))
    if wants_json(request.headers):
        return JsonResponse(found.state)
    return render(request, "likes/post.html", {"post": found})


@require_POST
def write(request: HttpRequest) -> HttpResponse:
    """If the session has ended, the text is kept in the new session and is in the form again after sign-in."""
    if not request.user.is_authenticated:
        request.session["draft"] = request.POST.get("text", "")[:2000]
        return redirect_to_login(reverse("feed"))
    form = PostForm(request.POST)
    if form.is_valid() and (wait := rate_limits.posts.take(str(request.user.pk))):
        message = _("Too many posts. Wait %(seconds)s seconds and try again.")
        form.add_error(None, ValidationError(message, "limit", {"seconds": wait}))
    if not form.is_valid():
        posts, more = selectors.feed(visitor=visitor_of(request))
        context = {"posts": posts, "more": more, "form": form}
        return with_status(render(request, "likes/feed.html", context, status=422), form)
    services.write_post(author=cast(User, request.user), text=form.cleaned_data["text"])
    return redirect("feed")


@require_POST
@sign_in_required
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    services.delete_post(post=get_object_or_404(Post, pk=pk, author=request.user))
    return redirect("feed")


@csrf_exempt  # http.read_click() checks the origin instead, as in the like endpoint, which has no session
@require_POST
def like(request: HttpRequest, pk: int) -> HttpResponse:
    """The like endpoint as a Django view: for multipart forms, for WSGI servers and for tests."""
    headers = {name.lower(): value for name, value in request.headers.items()} | {"host": request.get_host()}
    if session := visitors.unknown_session(headers):
        sessions.load([session])
    try:
        click = http.read_click(headers, request.POST, pk)
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
