"""The mails of feedback, each a row of the outbox."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from feedback import notify
from outbox import models as outbox
from outbox.models import STUCK


class Mail(outbox.Outbox):
    """One mail to one address."""

    class Kind(models.TextChoices):
        REPLY = "reply", _("Reply")
        CONFIRMATION = "confirmation", _("Confirmation")

    PRIORITIES = {Kind.REPLY: 0, Kind.CONFIRMATION: 3}

    message = models.ForeignKey("feedback.Message", models.CASCADE, related_name="mails")
    kind = models.CharField(_("type"), max_length=12, choices=Kind)
    author = models.CharField(_("author"), max_length=150, blank=True)
    to = models.EmailField(_("to"))
    subject = models.CharField(_("subject"), max_length=200)
    text = models.TextField(_("reply"), blank=True)  # of a reply: what its author wrote, without the quote
    body = models.TextField(_("body"))
    answers = models.CharField("In-Reply-To", max_length=200, blank=True)

    class Meta(outbox.Outbox.Meta):
        verbose_name, verbose_name_plural = _("email"), _("emails")
        indexes = [
            *outbox.Outbox.Meta.indexes,
            models.Index(fields=["message"], condition=Q(status__in=STUCK), name="feedback_mail_stuck"),
            models.Index(fields=["to", "created_at"], name="feedback_mail_to"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"

    def changed(self) -> None:
        self.message.touch()

    def stuck(self) -> None:
        notify.mail_failed(self.message_id)


class Try(outbox.Try):
    mail = models.ForeignKey(Mail, models.CASCADE, related_name="tries")
