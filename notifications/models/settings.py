"""How one account wants to be notified."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class NotificationSettings(models.Model):
    """Language, time zone, quiet hours and digest of one account. No row: nothing was chosen."""

    class Digest(models.TextChoices):
        NEVER = "", _("Off")
        DAILY = "daily", _("Daily")
        WEEKLY = "weekly", _("Mondays")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notification_settings", verbose_name=_("account")
    )
    language = models.CharField(_("language"), max_length=10, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    quiet_from = models.TimeField(_("quiet hours start"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet hours end"), null=True, blank=True)
    digest = models.CharField(_("email digest"), max_length=6, choices=Digest, blank=True, default=Digest.NEVER)
    digest_since = models.DateTimeField(default=timezone.now)  # the start of the current digest period
    digest_at = models.DateTimeField(null=True)  # its end; null: no digest

    class Meta:
        verbose_name, verbose_name_plural = _("delivery settings"), _("delivery settings")
        indexes = [models.Index(fields=["digest_at"], condition=~Q(digest_at=None), name="notifications_digest")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.digest or 'no digest'}"
