"""The messages and votes of a person, and what else has their email address."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet

from core.data_care.personal import Person, Personal
from feedback import exports, services
from feedback.models import Block, CapturedEmail, Export, Mail, Message, Rating

MESSAGE = ("received_at", "email", "text", "page", "source", "identity", "language", "read_at", "answered_at")


def of(person: Person) -> Iterable[Personal]:
    messages = _messages(person)
    if person.user or person.email:
        replies = Mail.objects.filter(message__in=messages, type=Mail.Type.REPLY)
        yield Personal("messages", "feedback messages", messages, MESSAGE)
        yield Personal("replies", "replies to them", replies, ("message__text", "text", "created_at"))
    if person.key:
        ratings = Rating.objects.filter(visitor=person.key)
        yield Personal("ratings", "page ratings", ratings, ("source", "page", "helpful", "rated_at"))
    if person.email:
        yield Personal("blocks", "blocks of the address", Block.objects.filter(email__iexact=person.email))
        captured = CapturedEmail.objects.filter(to__icontains=person.email)
        yield Personal("captured", "captured emails", captured)
        log = LogEntry.objects.filter(object_repr__icontains=person.email)
        yield Personal("admin_log", "entries with the address in the log of the admin", log)
    if messages.exists():
        yield Personal("exports", "exports of messages (all of the last 24 hours)", Export.objects.all())


def erase(person: Person) -> None:
    messages = _messages(person)
    if person.keep_messages:
        messages = messages.none()  # the account that goes takes its name from them
    if messages.exists():
        exports.delete_all()
    for message in messages.iterator():
        services.delete_message(message=message)
    if person.key:
        Rating.objects.filter(visitor=person.key).delete()
    if person.email:
        Block.objects.filter(email__iexact=person.email).delete()
        CapturedEmail.objects.filter(to__icontains=person.email).delete()
        LogEntry.objects.filter(object_repr__icontains=person.email).delete()
    if person.user:  # replies to others stay, without a name
        Mail.objects.filter(author=person.user.get_username()).update(author="")


def _messages(person: Person) -> QuerySet[Message]:
    """Of an account: what it has sent while it was signed in. Its address alone says nothing, because nobody has
    confirmed it."""
    if person.user:
        return Message.objects.filter(account=person.user)
    return Message.objects.filter(email__iexact=person.email) if person.email else Message.objects.none()
