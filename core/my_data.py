"""What the site has of whoever requests it, as a file: of an account, or of the visitor in the cookie."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.data_care.personal import Person, collect
from core.http import address
from core.shared_rate_limits import NetworkLimit
from core.visitors import visitor_of

networks = NetworkLimit("personal data", burst=20, rate=1 / 30)


@require_safe
@never_cache
def my_data(request: HttpRequest) -> HttpResponse:
    if wait := networks.take(address(request)):
        sentence = gettext("Too many downloads. Wait %(seconds)s seconds and try again.") % {"seconds": wait}
        return HttpResponse(sentence, "text/plain; charset=utf-8", 429, headers={"Retry-After": str(wait)})
    user = request.user if isinstance(request.user, User) else None
    person = Person(user=user, visitor="" if user else visitor_of(request) or "")
    data = {"site": settings.SITE_URL, "written_at": timezone.now(), **collect(person)}
    response = JsonResponse(data, json_dumps_params={"ensure_ascii": False, "indent": 2})
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response
