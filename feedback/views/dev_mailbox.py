"""The emails that a development site keeps instead of sending them."""

from __future__ import annotations

from email.message import EmailMessage

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from core.permissions import staff_only
from feedback import dev_mailbox
from feedback.models import CapturedEmail

MAIL_POLICY = {"default-src": [NONE], "style-src": [UNSAFE_INLINE], "frame-ancestors": [SELF]}


@require_safe
@staff_only
def mails(request: HttpRequest) -> HttpResponse:
    if not dev_mailbox.in_use():
        raise Http404
    return render(request, "feedback/mails.html", {"mails": dev_mailbox.latest(), "most": dev_mailbox.MAX_LISTED})


@require_safe
@staff_only
def mail_file(request: HttpRequest, name: str) -> HttpResponse:
    mail = _mail(name)
    part = mail.get_body(("plain",))
    context = {
        "name": name,
        "mail": mail,
        "headers": mail.items(),
        "subject": mail["Subject"],
        "body": part.get_content() if part else "",
        "html": mail.get_body(("html",)),
    }
    return render(request, "feedback/mail.html", context)


@require_safe
@staff_only
@xframe_options_sameorigin
@csp(MAIL_POLICY)  # type: ignore[arg-type] # its annotation forgets the arguments of the URL
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML part as a document of its own, which may have styles but neither scripts nor anything from elsewhere."""
    part = _mail(name).get_body(("html",))
    if not part:
        raise Http404
    return HttpResponse(part.get_content())


def _mail(name: str) -> EmailMessage:
    try:
        return dev_mailbox.read(name)
    except CapturedEmail.DoesNotExist as error:
        raise Http404 from error
