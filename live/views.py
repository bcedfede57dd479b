"""The HTTP fallback of the websocket."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.visitors import visitor_of
from live import topics


@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The first frame of the websocket, for pages that have none."""
    visitor = visitor_of(request)
    try:
        watched = topics.parse(request.META["QUERY_STRING"])
        topics.permit(visitor, watched)
    except topics.Refused as error:
        return HttpResponse(str(error), status=403, content_type="text/plain")
    except topics.BadTopics as error:
        return HttpResponse(str(error), status=400, content_type="text/plain")
    # Of two events with one name the later wins: a count that was read together with the like that it includes.
    events = topics.states(watched, [visitor] if visitor else [], watched)
    return HttpResponse(topics.frame({e.name: e.state for e in events}), content_type="application/json")
