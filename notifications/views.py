from __future__ import annotations

from http import HTTPStatus

from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from notifications import topics
from notifications.sign_in import BUSY, PATIENCE, Busy, hashing
from notifications.visitors import visitor_of


@require_GET
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The first frame of the socket, for pages that have none."""
    visitor = visitor_of(request)
    try:
        asked = topics.asked(request.META["QUERY_STRING"])
        topics.permit(visitor, asked)
    except topics.Refused as error:
        return HttpResponse(str(error), status=403, content_type="text/plain")
    except topics.BadTopics as error:
        return HttpResponse(str(error), status=400, content_type="text/plain")
    # The later has the newer state: a count that was read together with the like that it includes.
    events = topics.states(asked, [visitor] if visitor else [], asked)
    return HttpResponse(topics.frame({e.name: e.state for e in events}), content_type="application/json")


@require_http_methods(["GET", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    form: UserCreationForm[User] = UserCreationForm(request.POST or None)
    if form.is_valid():
        try:
            with hashing():
                user = form.save()
        except Busy:
            form.add_error(None, BUSY)
            headers = {"Retry-After": str(PATIENCE)}
            content = render_to_string("registration/signup.html", {"form": form}, request)
            return HttpResponse(content, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
        login(request, user)
        return redirect("feed")
    return render(request, "registration/signup.html", {"form": form})
