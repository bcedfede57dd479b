"""The pages of staff: the list of messages, one message, and the actions on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from core.database import incidental_write
from core.http import HtmxRequest, SeeOther, parse_pk, render_part, search_text
from core.permissions import staff_only
from feedback import dev_mailbox, selectors
from feedback.forms import NoteForm, ReplyForm
from feedback.models import Mail, Message
from feedback.services import block_sender, change_message, read_message, reply_to, retry_mail, unblock_sender
from feedback.sources import name_sources
from feedback.topics import inbox_event

ACTIONS: dict[str, tuple[Callable[[Message], None], str, Any]] = {  # name: function, action that undoes it, result
    "archive": (lambda m: change_message(message=m, archived_at=timezone.now()), "restore", gettext_lazy("Archived.")),
    "restore": (lambda m: change_message(message=m, archived_at=None), "", gettext_lazy("Restored.")),
    "spam": (lambda m: change_message(message=m, spam=True), "ham", gettext_lazy("Marked as spam.")),
    "ham": (lambda m: change_message(message=m, spam=False), "", gettext_lazy("Marked as not spam.")),
    "unread": (lambda m: change_message(message=m, read_at=None), "", gettext_lazy("Marked as unread.")),
    "block": (lambda m: block_sender(message=m), "unblock", gettext_lazy("Sender blocked.")),
    "unblock": (lambda m: unblock_sender(message=m), "", gettext_lazy("Sender unblocked.")),
}


@require_safe
@staff_only
def inbox(request: HtmxRequest) -> HttpResponse:
    version = inbox_event().version  # read before the rows, so that a later change makes the page fetch again
    show, search = request.GET.get("show", "open"), search_text(request)
    show = show if show in selectors.FILTERS else "open"
    messages, more = selectors.inbox(show=show, search=search, before=parse_pk(request.GET.get("before", "")))
    name_sources(messages)
    counts = selectors.counts()
    here = f"{reverse('inbox')}?{urlencode({'show': show, 'q': search})}"
    context = {
        "rows": messages,
        "older": f"{here}&before={more}" if more else "",
        "filters": [
            (name, label, selectors.count_text(counts[name])) for name, (label, _) in selectors.FILTERS.items()
        ],
        "show": show,
        "search": search,
        "here": here,
        "version": version,
        "done": _done(request),
        "captured": dev_mailbox.in_use(),
        "lesson": settings.DEBUG or settings.SLOW_MAIL,
    }
    return render_part(request, "feedback/_inbox.html", "feedback/inbox.html", context)


@require_safe
@staff_only
def message(request: HtmxRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(selectors.with_log(pk))
    if not request.htmx:
        with incidental_write():
            read_message(message=found)
    return render_part(request, "feedback/_message.html", "feedback/message.html", _context(request, found))


@require_POST
@staff_only
def reply(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(selectors.with_log(pk).exclude(email=""))
    form = ReplyForm(request.POST)
    if not form.is_valid():
        return render(request, "feedback/message.html", _context(request, found) | {"reply": form}, status=422)
    reply_to(
        message=found,
        author=cast(User, request.user),
        text=form.cleaned_data["text"],
        form=form.cleaned_data["key"],
    )
    return SeeOther(reverse("message", args=[pk]))


@require_POST
@staff_only
def note(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(selectors.with_log(pk))
    form = NoteForm(request.POST)
    if not form.is_valid():
        return render(request, "feedback/message.html", _context(request, found) | {"note": form}, status=422)
    change_message(message=found, note=form.cleaned_data["note"])
    return SeeOther(reverse("message", args=[pk]))


@require_POST
@staff_only
def mark(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    ACTIONS[action][0](get_object_or_404(Message, pk=pk))
    back = request.POST.get("next", "")
    back = back if back.startswith(reverse("inbox")) else reverse("inbox")
    return SeeOther(f"{back}{'&' if '?' in back else '?'}{urlencode({'did': action, 'to': pk})}")


@require_POST
@staff_only
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    mail = get_object_or_404(Mail.objects.select_related("message"), pk=pk)
    retry_mail(mail=mail)
    return SeeOther(reverse("message", args=[mail.message_id]))


def _context(request: HttpRequest, found: Message) -> dict[str, object]:
    name_sources([found])
    return {
        "message": found,
        "blocked": selectors.is_blocked(found.email),
        "reply": ReplyForm(),
        "note": NoteForm(initial={"note": found.note}),
        "done": _done(request),
    }


def _done(request: HttpRequest) -> dict[str, object] | None:
    """The action that was just done, its message, and the action that undoes it."""
    action, pk = request.GET.get("did", ""), parse_pk(request.GET.get("to", ""))
    if action not in ACTIONS or not pk:
        return None
    return {"pk": pk, "text": ACTIONS[action][2], "undo": ACTIONS[action][1]}
