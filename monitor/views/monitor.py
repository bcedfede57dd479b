"""The monitoring page, for staff."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core.http import HtmxRequest, render_part
from core.permissions import staff_only
from likes.tasks import recount_likes
from monitor import page, plug
from outbox import services as outbox


@require_safe
@staff_only
def monitor(request: HtmxRequest) -> HttpResponse:
    context = page.context() | plug.context()
    return render_part(request, "monitor/_monitor.html", "monitor/monitor.html", context)


@require_POST
@staff_only
def retry(request: HtmxRequest, pk: int) -> HttpResponse:
    if outbox.retry(pk=pk):
        messages.success(request, _("Resending."))
    else:
        messages.info(request, _("Nothing to retry."))
    return redirect("monitor")


@require_POST
@staff_only
def recount(request: HtmxRequest) -> HttpResponse:
    try:
        recount_likes.delay(everything=True)
        messages.success(request, _("Recounting likes."))
    except recount_likes.OperationalError:
        messages.error(request, _("The broker doesn't respond. Try again later."))
    return redirect("monitor")
