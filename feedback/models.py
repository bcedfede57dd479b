"""Feedback messages, the emails about them, and blocked senders."""

from __future__ import annotations

import secrets

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Greatest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.clock import now_microseconds
from outbox.models import OutboxMessage
from outbox.outcome import UNDELIVERED


def new_token() -> str:
    return secrets.token_urlsafe(24)


class Message(models.Model):
    """A feedback message, exactly as it was typed. Whoever has the token can see its receipt."""

    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    key = models.CharField(
        max_length=64, unique=True, default=new_token, editable=False
    )  # a form sent twice stores one message
    email = models.EmailField(_("email"))
    text = models.TextField(_("message"))
    page = models.CharField(_("page"), max_length=500, blank=True)
    visitor = models.CharField(max_length=32, blank=True)
    language = models.CharField(_("language"), max_length=10, default="en")
    received_at = models.DateTimeField(_("received at"), default=timezone.now)
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    answered_at = models.DateTimeField(_("replied at"), null=True, blank=True)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)
    spam = models.BooleanField(_("spam"), default=False)
    email_failed = models.BooleanField(default=False, editable=False)  # one of its emails is undelivered
    note = models.TextField(_("internal note"), blank=True)
    version = models.PositiveBigIntegerField(default=now_microseconds, editable=False)

    class Meta:
        ordering = ["-pk"]
        verbose_name, verbose_name_plural = _("message"), _("messages")
        indexes = [
            models.Index(
                fields=["-id"], condition=Q(read_at=None, archived_at=None, spam=False), name="feedback_message_new"
            ),
            models.Index(
                fields=["-id"],
                condition=Q(email_failed=True, archived_at=None, spam=False),
                name="feedback_message_failed",
            ),
            models.Index(fields=["version"], name="feedback_message_version"),
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.text[:40]}"

    def get_absolute_url(self) -> str:
        return reverse("receipt", args=[self.token])

    def touch(self) -> None:
        """Raises the version and updates ``email_failed``. Call it in each transaction that changes the status of an
        email of the message."""
        row = Message.objects.filter(pk=self.pk)
        row.update(version=Greatest(F("version") + 1, Value(now_microseconds())))  # locks the row first
        row.update(email_failed=Exists(Mail.objects.filter(message=OuterRef("pk"), status__in=UNDELIVERED)))

    def change(self, **values: object) -> None:
        """Stores these fields and a higher version, and leaves the other fields of the row alone."""
        for name, value in values.items():
            setattr(self, name, value)
        self.version = max(self.version + 1, now_microseconds())
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
    to = models.EmailField(_("to"), db_index=True)
    text = models.TextField(_("reply"), blank=True)  # without the quoted message

    class Meta:
        verbose_name, verbose_name_plural = _("email"), _("emails")

    def __str__(self) -> str:
        return f"{self.type} to {self.to}"


class Block(models.Model):
    """An address whose messages are spam and get no email."""

    email = models.EmailField(_("email"), unique=True)
    blocked_at = models.DateTimeField(_("blocked at"), default=timezone.now)

    class Meta:
        verbose_name, verbose_name_plural = _("blocked sender"), _("blocked senders")

    def __str__(self) -> str:
        return self.email
