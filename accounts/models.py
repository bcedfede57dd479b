"""The email address of an account, its sessions, and the emails about it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from outbox.models import OutboxMessage


class EmailAddress(models.Model):
    """The confirmed address of an account, which is also its `User.email`, and the one that is to replace it.

    The confirmed address counts only as long as it is the `User.email`: an administrator may have changed that.
    """

    user = models.OneToOneField(User, models.CASCADE, related_name="email_address", verbose_name=_("account"))
    confirmed = models.EmailField(_("email"), blank=True)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    mailbox = models.EmailField(unique=True, null=True, editable=False)  # of the confirmed address
    pending = models.EmailField(_("not confirmed yet"), blank=True)
    requested_at = models.DateTimeField(null=True, blank=True)  # when the link was last sent to the pending address

    class Meta:
        verbose_name, verbose_name_plural = _("email address"), _("email addresses")

    def __str__(self) -> str:
        return self.confirmed or self.pending


class AccountSession(models.Model):
    """A session of an account. It is deleted together with Django's row. The database has no constraint for that: the
    processes of the release before, which do not know this table, must still be able to delete sessions."""

    session = models.OneToOneField(Session, models.CASCADE, related_name="+", db_constraint=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    browser = models.CharField(max_length=80)
    signed_in_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(default=timezone.now)  # exact to `sessions.INTERVAL`

    def __str__(self) -> str:
        return f"{self.user_id} on {self.browser}"


class AccountMail(OutboxMessage):
    """One email about an account. Its text is written when it is sent, so no link that opens an account is stored."""

    class Type(models.TextChoices):
        RESET = "reset", _("Password reset")
        INVITATION = "invitation", _("Link to set the password")
        CONFIRMATION = "confirmation", _("Confirmation")
        PASSWORD_CHANGED = "password", _("Password changed")
        ADDRESS_CHANGED = "address", _("Email address changed")
        DELETED = "deleted", _("Account deleted")

    type = models.CharField(_("type"), max_length=12, choices=Type)
    to = models.EmailField(_("to"))
    # Null: a reset whose account the worker has not looked up yet, and an account that is deleted.
    account = models.ForeignKey(User, models.CASCADE, null=True, related_name="+", verbose_name=_("account"))
    language = models.CharField(_("language"), max_length=10)

    class Meta:
        verbose_name, verbose_name_plural = _("email"), _("emails")

    def __str__(self) -> str:
        return f"{self.type} to {self.to}"
