"""Endpoints about feedback that came from the site: the messages, a reply, and marks."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext
from ninja import Header, Query, Router, Status
from ninja.errors import HttpError

from embed.api.auth import ApiRequest, needs
from embed.api.schemas import (
    FeedbackQuery,
    MessageItem,
    MessagePatch,
    Messages,
    Reply,
    ReplyBody,
    ReplyHeaders,
)
from embed.sources import source_of
from feedback import selectors, services
from feedback.models import Message

router = Router(tags=["Feedback"])


@router.get("feedback", response=Messages, **needs("feedback:read"))
def messages(request: ApiRequest, query: Query[FeedbackQuery]) -> dict[str, Any]:
    """The messages from the feedback tag of the site, newest first."""
    before = int(query.cursor) if query.cursor else None
    found = selectors.of_source(
        source=source_of(request.auth.site_id), show=query.show, before=before, limit=query.limit + 1
    )
    shown = found[: query.limit]
    return {"items": shown, "next": str(shown[-1].pk) if len(found) > query.limit else None}


@router.post("feedback/{pk:message_id}/reply", response={HTTPStatus.ACCEPTED: Reply}, **needs("feedback:write"))
def reply(
    request: ApiRequest, message_id: int, body: ReplyBody, headers: Header[ReplyHeaders]
) -> Status[dict[str, Any]]:
    """Sends an email to the sender of a message, in the name of the owner of the site."""
    message = _message(request, message_id)
    if not message.email:
        raise HttpError(HTTPStatus.CONFLICT, gettext("The sender left no email address."))
    form = f"api {request.auth.pk} {headers.idempotency_key}" if headers.idempotency_key else ""
    mail = services.reply_to(message=message, author=request.auth.site.owner, text=body.text, form=form)
    return Status(HTTPStatus.ACCEPTED, {"message": message.pk, "status": mail.status})


@router.patch("feedback/{pk:message_id}", response=MessageItem, **needs("feedback:write"))
def mark(request: ApiRequest, message_id: int, body: MessagePatch) -> Message:
    """Marks a message as read, archived or spam, or with `false` as not."""
    message = _message(request, message_id)
    changes: dict[str, object] = {}
    if body.spam is not None:
        changes["spam"] = body.spam
    for name, wanted in (("read_at", body.read), ("archived_at", body.archived)):
        if wanted is not None and wanted != bool(getattr(message, name)):
            changes[name] = timezone.now() if wanted else None
    if changes:
        services.change_message(message=message, **changes)
    return message


def _message(request: ApiRequest, pk: int) -> Message:
    return get_object_or_404(Message, pk=pk, source=source_of(request.auth.site_id))
