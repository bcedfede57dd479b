"""The operations on feedback. Each is one short transaction; it enqueues and broadcasts after the commit."""

from __future__ import annotations

import hashlib
import logging
from datetime import timedelta
from functools import partial
from textwrap import indent
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext

from core.fields import mailbox_of
from core.models import Version
from feedback import notify, rate_limits
from feedback.models import INBOX, Block, Mail, Message, Rating, new_token
from feedback.selectors import is_blocked
from feedback.text import quoted, unlinked
from feedback.topics import deleted_event, inbox_event, message_events
from live.broadcast import broadcast
from notifications.services import retract
from outbox.email import email_row
from outbox.outcome import UNDELIVERED, Status
from outbox.tasks import enqueue

log = logging.getLogger(__name__)


def submit_message(
    *,
    email: str,
    text: str,
    page: str = "",
    account: User | None = None,
    form: str = "",
    spam: bool = False,
    source: str = "",
    identity: str = "",
) -> Message:
    """Stores a message and, if it has an address, its confirmation email. The same form sent twice returns the same
    message. ``account`` gets the replies in its bell, too. ``source`` says where it comes from if not from our form,
    and ``identity`` is the verified user id there."""
    key = hashlib.sha256(f"{form}\0{email}\0{text}".encode()).hexdigest() if form else new_token()
    with transaction.atomic():
        message, new = Message.objects.get_or_create(
            key=key,
            defaults={
                "email": email,
                "text": text,
                "page": page,
                "source": source,
                "identity": identity,
                "account": account,
                "version": Version.increase(INBOX),
                "language": translation.get_language() or settings.LANGUAGE_CODE,
                "spam": spam or is_blocked(email),
            },
        )
        if new and not message.spam:
            if email:
                _create_confirmation(message)
            notify.new_message()
    if new:
        transaction.on_commit(partial(log.info, "feedback message %d stored", message.pk))
        transaction.on_commit(lambda: _enqueue_mails(message))
    return message


@transaction.atomic
def rate_page(*, source: str, page: str, visitor: str, helpful: bool, text: str = "", **message: Any) -> Rating:
    """Stores the vote of a visitor on a page, or changes it. A ``text`` becomes a message without an address; the same
    text again is the same message. ``message`` has other arguments of `submit_message`."""
    values: dict[str, Any] = {"helpful": helpful, "rated_at": timezone.now()}
    if text:
        form = f"{source} {page} {visitor}"
        values["message"] = submit_message(email="", text=text, page=page, source=source, form=form, **message)
    rating, _ = Rating.objects.update_or_create(source=source, page=page, visitor=visitor, defaults=values)
    return rating


@transaction.atomic
def move_ratings(*, source: str, old: str, new: str) -> None:
    """Gives the votes on a page another name of it. Whoever has voted on both keeps the vote on the new one."""
    if old == new:
        return
    rows = Rating.objects.filter(source=source, page=old)
    voted = Rating.objects.filter(source=source, page=new).values_list("visitor", flat=True)
    rows.filter(visitor__in=list(voted)).delete()
    rows.update(page=new)


def delete_ratings(*, source: str) -> None:
    Rating.objects.filter(source=source).delete()


class NoAddress(ValueError):
    """The sender left no address, so there is nowhere to reply to."""


def reply_to(*, message: Message, author: User, text: str, form: str = "") -> Mail:
    """Stores a reply that quotes the message. The same form sent twice returns the same reply. Raises `NoAddress`."""
    if not message.email:
        raise NoAddress
    key = hashlib.sha256(f"{form}\0{message.pk}\0{text}".encode()).hexdigest()[:32] if form else new_token()
    with transaction.atomic(), translation.override(message.language):
        body = _body("reply", message, text=text, quote=quoted(message.text))
        subject, headers = gettext("Re: Your Feedback"), _thread(message)
        mail, new = Mail.objects.get_or_create(
            identity=key,
            defaults={
                **_mail_values(message, Mail.Type.REPLY, identity=key, subject=subject, text=body, headers=headers),
                "author": author.get_username(),
                "text": text,
            },
        )
        if new:
            message.change(answered_at=timezone.now(), read_at=message.read_at or timezone.now())
            notify.reply_arrived(message)
            transaction.on_commit(lambda: _enqueue_mails(message))
    return mail


@transaction.atomic
def correct_email(*, message: Message, email: str) -> None:
    """Sends the confirmation to another address. Does nothing unless the first one could not be delivered."""
    message = Message.objects.select_for_update().get(pk=message.pk)
    undelivered = message.mails.filter(type=Mail.Type.CONFIRMATION, status__in=UNDELIVERED)
    if not undelivered.exists():
        return
    for mail in undelivered:
        mail.delete()
    message.email, message.spam = email, message.spam or is_blocked(email)
    message.save(update_fields=["email", "spam"])
    if not message.spam:
        _create_confirmation(message)
    message.touch()
    transaction.on_commit(lambda: broadcast(message_events(message.pk)))
    transaction.on_commit(lambda: _enqueue_mails(message))


def read_message(*, message: Message) -> None:
    if not message.read_at:
        change_message(message=message, read_at=timezone.now())


def change_message(*, message: Message, **values: object) -> None:
    message.change(**values)
    transaction.on_commit(lambda: broadcast(message_events(message.pk)))


def block_sender(*, message: Message) -> None:
    """Marks all messages of this address as spam, also future ones. Without an address there is nobody to block."""
    if not message.email:
        return
    with transaction.atomic():
        Block.objects.get_or_create(email=message.email.lower())
        for other in Message.objects.filter(email__iexact=message.email, spam=False):
            other.change(spam=True)
    transaction.on_commit(lambda: broadcast(message_events(message.pk)))


def unblock_sender(*, message: Message) -> None:
    with transaction.atomic():
        Block.objects.filter(email__iexact=message.email).delete()
        change_message(message=message, spam=False)


@transaction.atomic
def delete_message(*, message: Message) -> None:
    """Deletes it with its emails and replies. Open receipts and the inbox show that; notifications about it vanish."""
    Version.increase(INBOX)
    pk, token = message.pk, message.token
    content_type = ContentType.objects.get_for_model(Message)
    LogEntry.objects.filter(content_type=content_type, object_id=str(pk)).delete()  # quotes it
    message.delete()
    retract(subject=f"receipt.{token}")
    retract(subject=f"message.{pk}")
    transaction.on_commit(lambda: broadcast([deleted_event(token), inbox_event()]))


def retry_mail(*, mail: Mail) -> None:
    """Sends an email now that failed, is unknown or waits for its next attempt."""
    with transaction.atomic():
        if mail.retry_now():
            mail.message.touch()
            transaction.on_commit(lambda: _enqueue_mails(mail.message))


def _create_confirmation(message: Message) -> None:
    """Stores the confirmation email, unless the mailbox got `MAX_CONFIRMATIONS` within a day, or the site has sent too
    many: anybody can have one sent to any address."""
    recent = Mail.objects.filter(
        type=Mail.Type.CONFIRMATION,
        mailbox=mailbox_of(message.email),
        created_at__gt=timezone.now() - timedelta(days=1),
    )
    if recent.count() < rate_limits.MAX_CONFIRMATIONS and not rate_limits.confirmations.take("site"):
        values = _mail_values(
            message,
            Mail.Type.CONFIRMATION,
            subject=gettext("Your Feedback"),
            text=_body("confirmation", message, text=indent(unlinked(message.text), "\t")),
            headers={"Auto-Submitted": "auto-replied"},  # RFC 3834
        )
        Mail.objects.create(**values)


def _mail_values(message: Message, type: Mail.Type, **content: Any) -> dict[str, Any]:
    """The values of a row that sends an email to the sender of the message."""
    row = email_row(to=message.email, priority=Mail.PRIORITIES[type], **content)
    return {"message": message, "type": type, "to": message.email, "mailbox": mailbox_of(message.email), **row}


def _thread(message: Message) -> dict[str, str]:
    """The headers that put a reply below the confirmation in a mail program."""
    confirmation = message.mails.filter(type=Mail.Type.CONFIRMATION).first()
    if not confirmation:
        return {}
    return dict.fromkeys(["In-Reply-To", "References"], confirmation.content["headers"]["Message-ID"])


def _body(template: str, message: Message, **context: str) -> str:
    values = {"link": settings.SITE_URL + message.get_absolute_url(), "message": message, **context}
    return render_to_string(f"feedback/mail/{template}.txt", values)


def _enqueue_mails(message: Message) -> None:
    """Broadcasts that the emails are queued; if enqueueing failed, Redis is down and so are broadcasts."""
    if enqueue(message.mails.filter(enqueued_at=None, status=Status.RECEIVED)):
        broadcast(message_events(message.pk))
