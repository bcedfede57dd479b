from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.permissions import staff_only
from monitor import plug


@require_POST
@staff_only
def unplug(request: HttpRequest) -> HttpResponse:
    if not settings.DEBUG:
        raise Http404
    part = request.POST.get("part", "")
    if not plug.unplug(part=part):
        return HttpResponseBadRequest(_("This part cannot be stopped."), content_type="text/plain; charset=utf-8")
    done = _("All pages were disconnected.") if part == plug.SOCKETS else _("Stopped for 10 seconds: %(part)s")
    messages.success(request, done % {"part": part})
    return redirect("monitor")
