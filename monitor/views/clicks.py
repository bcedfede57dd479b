"""How long clicks took, as the browsers of some visitors have measured it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core import metrics
from core.http import address
from core.rate_limits import TokenBucket, network_of
from core.same_origin import same_origin

MAX_SECONDS = 60.0
limit = TokenBucket(burst=20, rate=1)  # for each network, in each web process


@csrf_exempt  # a beacon has no token: same_origin instead
@require_POST
def click(request: HttpRequest) -> HttpResponse:
    """``saved`` and ``shown``: milliseconds after the click."""
    if not same_origin(request.headers):
        return _refuse(403, "Only pages of this site may send times.")
    if limit.take(network_of(address(request))):
        return _refuse(429, "Too many times. Wait a moment.")
    try:
        times = {f"click_{name}": float(request.POST[name]) / 1000 for name in ("saved", "shown")}
    except (KeyError, ValueError):
        return _refuse(400, "Send saved and shown, in milliseconds.")
    if not all(0 <= seconds <= MAX_SECONDS for seconds in times.values()):
        return _refuse(400, "Send saved and shown, in milliseconds up to a minute.")
    for name, seconds in times.items():
        metrics.observe(name, [seconds])
    return HttpResponse(status=204)


def _refuse(status: int, sentence: str) -> HttpResponse:
    return HttpResponse(sentence, status=status, content_type="text/plain")
