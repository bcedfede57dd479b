"""Feedback messages, the emails about them, and blocked senders."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.models import Version
from outbox.models import OutboxMessage
from outbox.outcome import UNDELIVERED

INBOX = "inbox"  # name of the version that every change of a message raises
OPEN, ARCHIVED = Q(archived_at=None, spam=False), Q(archived_at__isnull=False, spam=False)


def new_token() -> str:
    return secrets.token_urlsafe(24)


class Message(models.Model):
    """A feedback message, exactly as it was typed. Whoever has the token can see its receipt."""

    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    key = models.CharField(
        max_length=64, unique=True, default=new_token, editable=False
    )  # a form sent twice stores one message
    email = models.EmailField(_("email"), blank=True)  # without one there is no confirmation and no reply
    text = models.TextField(_("message"))
    source = models.CharField(_("source"), max_length=40, blank=True)  # empty: our form; else "site-3"
    identity = models.CharField(_("user of the site"), max_length=200, blank=True)  # verified by a signature
    page = models.CharField(_("page"), max_length=500, blank=True)
    account = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False)
    language = models.CharField(_("language"), max_length=10, default="en")
    received_at = models.DateTimeField(_("received at"), default=timezone.now)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    answered_at = models.DateTimeField(_("replied at"), null=True, blank=True)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)
    spam = models.BooleanField(_("spam"), default=False)
    email_failed = models.BooleanField(default=False, editable=False)  # one of its emails is undelivered
    note = models.TextField(_("internal note"), blank=True)
    version = models.PositiveBigIntegerField(default=0, editable=False)
    source_name = ""  # set by `feedback.sources.name_sources`

    class Meta:
        ordering = ["-pk"]
        verbose_name, verbose_name_plural = _("message"), _("messages")
        indexes = [  # one for each filter of the inbox, so that its list and its count read only what they show
            models.Index(fields=["-id"], condition=OPEN, name="feedback_message_open"),
            models.Index(
                fields=["-id"], condition=Q(read_at=None, archived_at=None, spam=False), name="feedback_message_new"
            ),
            models.Index(fields=["-id"], condition=OPEN & Q(answered_at=None), name="feedback_message_unanswered"),
            models.Index(
                fields=["-id"], condition=OPEN & Q(answered_at__isnull=False), name="feedback_message_answered"
            ),
            models.Index(
                fields=["-id"],
                condition=Q(email_failed=True, archived_at=None, spam=False),
                name="feedback_message_failed",
            ),
            models.Index(fields=["received_at"], condition=Q(spam=True), name="feedback_message_spam"),
            models.Index(fields=["archived_at"], condition=ARCHIVED, name="feedback_message_archived"),
            models.Index(fields=["source", "-id"], name="feedback_message_source"),
        ]

    def __str__(self) -> str:
        return f"{self.sender}: {self.text[:40]}"

    @property
    def sender(self) -> str:
        """What people call the sender by."""
        return self.email or self.identity or gettext("Anonymous")

    def get_absolute_url(self) -> str:
        return reverse("receipt", args=[self.token])

    def touch(self) -> None:
        """Raises the version and updates ``email_failed``. Call it in each transaction that changes the status of an
        email of the message."""
        row = Message.objects.filter(pk=self.pk)
        row.update(version=Version.increase(INBOX))  # locks both rows first
        row.update(email_failed=Exists(Mail.objects.filter(message=OuterRef("pk"), status__in=UNDELIVERED)))

    @transaction.atomic
    def change(self, **values: object) -> None:
        """Stores these fields and a higher version, and leaves the other fields of the row alone."""
        for name, value in values.items():
            setattr(self, name, value)
        self.version = Version.increase(INBOX)
        self.save(update_fields=[*values, "version"])


class Mail(OutboxMessage):
    """One email about a message: the confirmation to its sender, or a reply of staff."""

    class Type(models.TextChoices):
        REPLY = "reply", _("Reply")
        CONFIRMATION = "confirmation", _("Confirmation")

    PRIORITIES = {Type.REPLY: 0, Type.CONFIRMATION: 3}

    message = models.ForeignKey(Message, models.CASCADE, related_name="mails")
    type = models.CharField(_("type"), max_length=12, choices=Type)
    author = models.CharField(_("author"), max_length=150, blank=True)
    to = models.EmailField(_("to"))
    mailbox = models.EmailField(db_index=True, editable=False)  # all addresses that lead to one mailbox have the same
    text = models.TextField(_("reply"), blank=True)  # without the quoted message

    class Meta:
        verbose_name, verbose_name_plural = _("email"), _("emails")

    def __str__(self) -> str:
        return f"{self.type} to {self.to}"


class Rating(models.Model):
    """The vote of a visitor on a page: whether it was helpful. Perhaps with a message that says why."""

    source = models.CharField(_("source"), max_length=40)
    page = models.CharField(_("page"), max_length=500)
    visitor = models.CharField(_("visitor"), max_length=64)
    helpful = models.BooleanField(_("helpful"))
    message = models.ForeignKey(Message, models.SET_NULL, null=True, blank=True, related_name="ratings")
    rated_at = models.DateTimeField(_("rated at"), default=timezone.now)

    class Meta:
        verbose_name, verbose_name_plural = _("page rating"), _("page ratings")
        constraints = [
            models.UniqueConstraint(fields=["source", "page", "visitor"], name="one_rating_per_page_and_visitor")
        ]

    def __str__(self) -> str:
        return f"{self.page}: {'yes' if self.helpful else 'no'}"


class Block(models.Model):
    """An address whose messages are spam and get no email."""

    email = models.EmailField(_("email"), unique=True)
    blocked_at = models.DateTimeField(_("blocked at"), default=timezone.now)

    class Meta:
        verbose_name, verbose_name_plural = _("blocked sender"), _("blocked senders")

    def __str__(self) -> str:
        return self.email


class Export(models.Model):
    """A complete export of messages. Its content is in the chunks with the same ``part``."""

    task_id = models.UUIDField(primary_key=True)
    format = models.CharField(max_length=4)
    part = models.UUIDField()
    size = models.PositiveBigIntegerField()  # bytes
    completed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-completed_at"]

    def __str__(self) -> str:
        return f"{self.task_id}.{self.format}"


class ExportChunk(models.Model):
    """A piece of the content of an export: also of one that is being written, or whose worker has died."""

    part = models.UUIDField()
    number = models.PositiveIntegerField()  # from 0
    content = models.BinaryField()
    written_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["part", "number"], name="one_chunk_per_number")]

    def __str__(self) -> str:
        return f"{self.part} {self.number}"


class CapturedEmail(models.Model):
    """An email that a development site keeps instead of sending it."""

    to = models.TextField()
    content = models.BinaryField()  # as it would be sent
    captured_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"to {self.to}"

    @property
    def name(self) -> str:
        return f"{self.pk}.eml"
