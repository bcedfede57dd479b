"""Messages and who may not send them. The mails that a message causes are in `outbox`."""

from __future__ import annotations

import secrets
import time

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from feedback.outbox import Mail, Try
from outbox.models import Status

__all__ = ["Block", "Mail", "Message", "Status", "Try"]


def new_token() -> str:
    return secrets.token_urlsafe(24)


def stamp() -> int:
    """Microseconds since 1970: a version that grows by itself."""
    return time.time_ns() // 1000


class Message(models.Model):
    """What somebody wrote, exactly as it was typed. Whoever has the token can follow it."""

    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    key = models.CharField(max_length=64, unique=True, default=new_token, editable=False)  # a form sent twice is one
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
    note = models.TextField(_("internal note"), blank=True)
    version = models.PositiveBigIntegerField(default=stamp, editable=False)

    class Meta:
        ordering = ["-pk"]
        verbose_name, verbose_name_plural = _("message"), _("messages")
        indexes = [
            models.Index(
                fields=["-id"], condition=Q(read_at=None, archived_at=None, spam=False), name="feedback_message_new"
            ),
            models.Index(fields=["version"], name="feedback_message_version"),
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.text[:40]}"

    def get_absolute_url(self) -> str:
        return reverse("receipt", args=[self.token])

    def touch(self) -> None:
        """Gives the message a later version. Goes into the transaction of what has changed."""
        Message.objects.filter(pk=self.pk).update(version=Greatest(F("version") + 1, Value(stamp())))

    def change(self, **values: object) -> None:
        """Stores these values and the later version that comes with them, and nothing else of the row."""
        for name, value in values.items():
            setattr(self, name, value)
        self.version = max(self.version + 1, stamp())
        self.save(update_fields=[*values, "version"])


class Block(models.Model):
    """An address whose messages go to spam and get no mail."""

    email = models.EmailField(_("email"), unique=True)
    blocked_at = models.DateTimeField(_("blocked at"), default=timezone.now)

    class Meta:
        verbose_name, verbose_name_plural = _("blocked sender"), _("blocked senders")

    def __str__(self) -> str:
        return self.email
