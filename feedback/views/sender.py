"""The sender's pages: the form and the receipt."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.http import HtmxRequest, SeeOther, address, render_part
from core.permissions import sign_in_required
from core.visitors import visitor_of
from feedback import rate_limits, selectors, services
from feedback.forms import AddressForm, FeedbackForm
from feedback.models import Message
from outbox.email import EMAIL
from outbox.models import OutboxMessage
from outbox.outcome import UNDELIVERED


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def feedback(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        initial = {"email": getattr(request.user, "email", ""), "page": request.GET.get("page", "")[:500]}
        return _render_form(request, FeedbackForm(initial=initial))
    form = FeedbackForm(request.POST)
    if not form.is_valid():
        return _render_form(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    if wait := _retry_after(request):
        form.add_error(None, gettext("You've sent a lot of messages. Please try again shortly."))
        return _render_form(request, form, HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": str(wait)})
    message = services.submit_message(
        email=form.cleaned_data["email"],
        text=form.cleaned_data["message"],
        page=form.cleaned_data["page"],
        form=form.cleaned_data["started"],
        account=request.user if request.user.is_authenticated else None,
        spam=form.looks_like_spam,
    )
    return SeeOther(message.get_absolute_url())


@require_safe
@sign_in_required
@never_cache
def my_feedback(request: HttpRequest) -> HttpResponse:
    return render(request, "feedback/mine.html", {"messages_sent": selectors.sent_by(account_id=request.user.pk or 0)})


@require_POST
def correct_email(request: HtmxRequest, token: str) -> HttpResponse:
    """Sends the confirmation to another address, while the first one has not arrived."""
    message = get_object_or_404(Message, token=token)
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _render_receipt(request, message, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    if wait := _retry_after(request):
        form.add_error(None, gettext("You've sent a lot of messages. Please try again shortly."))
        return _render_receipt(request, message, form, HTTPStatus.TOO_MANY_REQUESTS, wait)
    services.correct_email(message=message, email=form.cleaned_data["email"])
    return SeeOther(message.get_absolute_url())


@require_safe
@never_cache
def receipt(request: HtmxRequest, token: str) -> HttpResponse:
    if request.htmx and not Message.objects.filter(token=token).exists():  # deleted while the page is open
        return render(request, "feedback/_deleted.html")
    return _render_receipt(request, get_object_or_404(Message, token=token))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def delete(request: HttpRequest, token: str) -> HttpResponse:
    """The page that requests confirmation, and the deletion."""
    message = get_object_or_404(Message, token=token)
    if request.method == "POST":
        services.delete_message(message=message)
        messages.success(request, gettext("Your message was deleted."))
        return SeeOther(reverse("feedback"))
    return _private(render(request, "feedback/delete.html", {"message": message}))


def _render_receipt(
    request: HtmxRequest,
    message: Message,
    address_form: AddressForm | None = None,
    status: int = HTTPStatus.OK,
    wait: int = 0,
) -> HttpResponse:
    confirmation = selectors.confirmation(message)
    context = {
        "message": message,
        "steps": selectors.steps(message),
        "status": confirmation.status if confirmation else "received",
        "confirmation": confirmation,
        "replies": selectors.replies_to(message),
        "address_form": address_form or AddressForm(initial={"email": message.email}),
        "undelivered": confirmation and confirmation.status in UNDELIVERED,
    }
    response = render_part(request, "feedback/_receipt.html", "feedback/receipt.html", context)
    response.status_code = status
    if wait:
        response["Retry-After"] = str(wait)
    return _private(response)


def _private(response: HttpResponse) -> HttpResponse:
    """A page whose address nobody else knows."""
    response["Referrer-Policy"] = "same-origin"  # with no-referrer, Origin is null and CSRF refuses
    response["X-Robots-Tag"] = "noindex"
    return response


def _render_form(
    request: HttpRequest, form: FeedbackForm, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> HttpResponse:
    if status >= HTTPStatus.BAD_REQUEST and request.accepts("application/json") and not request.accepts("text/html"):
        return JsonResponse({"error": next(iter(form.errors.values()))[0]}, status=status, headers=headers)
    minutes_late = int(OutboxMessage.lateness(transport=EMAIL).total_seconds() / 60)
    content = render_to_string("feedback/form.html", {"form": form, "late": minutes_late}, request)
    return HttpResponse(content, status=status, headers=headers)


def _retry_after(request: HttpRequest) -> int:
    """Seconds until this visitor may send another message, or 0."""
    visitor = visitor_of(request)
    wait = rate_limits.networks.take(address(request))
    return wait or (rate_limits.visitors.take(visitor) if visitor else 0)
