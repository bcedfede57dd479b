"""The emails that a development site writes to files instead of sending them."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from core.permissions import staff_only
from feedback import dev_mailbox


@require_GET
@staff_only
def mails(request: HttpRequest) -> HttpResponse:
    if not dev_mailbox.in_use():
        raise Http404
    return render(request, "feedback/mails.html", {"mails": dev_mailbox.latest(), "most": dev_mailbox.MAX_LISTED})


@require_GET
@staff_only
def mail_file(request: HttpRequest, name: str) -> HttpResponse:
    try:
        mail = dev_mailbox.read(name)
    except FileNotFoundError as error:
        raise Http404 from error
    part = mail.get_body(("plain",))
    context = {"headers": mail.items(), "subject": mail["Subject"], "body": part.get_content() if part else ""}
    return render(request, "feedback/mail.html", context)
