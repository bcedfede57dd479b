"""What people are told. One row is one group: everything of one kind about one subject in one period."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.clock import microseconds


class Notification(models.Model):
    """``unseen`` is what the bell counts, ``read_at`` what the list still shows as unread: looking at the list is not
    reading it. A group whose ``count`` has fallen to 0 is hidden, and comes back as it was if its entries do."""

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, "notifications", db_index=False, verbose_name=_("recipient")
    )
    type = models.CharField(_("type"), max_length=20)
    subject = models.CharField(_("topic"), max_length=64)  # named as topics are: post.12
    period = models.CharField(max_length=10, blank=True)  # a day, say: what comes later starts a new group
    count = models.IntegerField(_("count"))
    alert_level = models.PositiveSmallIntegerField()  # how the latest entry came; see Loud
    unseen = models.BooleanField(_("unseen"))
    version = models.PositiveBigIntegerField(default=1)  # grows with each change
    changed_at = models.DateTimeField(_("last notified"), default=timezone.now)  # when it last rang
    seen_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(_("read at"), null=True)
    archived_at = models.DateTimeField(_("archived at"), null=True)
    fan_out_pending = models.BooleanField(default=False)  # has it rung, but not been written to destinations yet?

    class Meta:
        verbose_name, verbose_name_plural = _("notification"), _("notifications")
        constraints = [
            models.UniqueConstraint(fields=["recipient", "type", "subject", "period"], name="one_row_per_group")
        ]
        indexes = [
            models.Index(fields=["recipient", "-changed_at"], name="notifications_list"),
            models.Index(fields=["recipient", "version"], name="notifications_version"),
            models.Index(fields=["recipient"], condition=Q(unseen=True), name="notifications_unseen"),
            models.Index(fields=["subject"], name="notifications_subject"),
            models.Index(fields=["changed_at"], condition=Q(fan_out_pending=True), name="notifications_fan_out"),
        ]

    # What the list shows of it; its kind puts it here.
    text: str = ""
    anonymous_text: str = ""
    heading: str = ""
    detail: str = ""
    icon: str
    template: str
    names: list[str] = []  # of the latest, for their faces
    fresh: int = 0  # entries since the recipient last looked
    muted: bool = False

    def __str__(self) -> str:
        return f"{self.type} {self.subject} for {self.recipient_id}"

    @property
    def cursor(self) -> str:
        """Where the list goes on after this row."""
        return f"{microseconds(self.changed_at)}.{self.pk}"


class AlertLevel(models.IntegerChoices):
    """How much an entry may be heard: the least of what it is worth and what its recipient wants."""

    OFF = 0, _("Off")  # only the number changes
    FIRST_OF_DAY = 1, _("First of the day")  # rings if it starts the group
    EVERY_TIME = 2, _("Every time")


class Preference(models.Model):
    """What somebody wants to hear of one kind. No row: everything. What does not ring the bell goes nowhere else."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, "preferences", verbose_name=_("account"))
    type = models.CharField(_("type"), max_length=20)
    bell = models.PositiveSmallIntegerField(_("in-app"), choices=AlertLevel, default=AlertLevel.EVERY_TIME)
    mail = models.BooleanField(_("email digest"), default=True)  # in the digest
    push = models.BooleanField(_("push"), default=True)
    outside = models.BooleanField(_("integrations"), default=True)

    class Meta:
        verbose_name, verbose_name_plural = _("preference"), _("preferences")
        constraints = [models.UniqueConstraint(fields=["user", "type"], name="one_preference_per_type")]

    def __str__(self) -> str:
        return f"{self.user_id} wants {self.type}: {self.get_bell_display()}"


class Mute(models.Model):
    """A subject of which somebody wants to hear no more."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, "mutes", verbose_name=_("account"))
    subject = models.CharField(_("topic"), max_length=64)

    class Meta:
        verbose_name, verbose_name_plural = _("mute"), _("mutes")
        constraints = [models.UniqueConstraint(fields=["user", "subject"], name="one_mute_per_subject")]

    def __str__(self) -> str:
        return f"{self.user_id} mutes {self.subject}"
