"""Notifications. One row is one group: all entries of one type about one subject in one period."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import correlation
from core.clock import microseconds


class Notification(models.Model):
    """``unseen``: counted by the bell, until the recipient opens the list. ``read_at``: no longer marked as unread in
    the list. A group with ``count`` 0 is hidden; with the next entry it comes back in the state that it had."""

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, "notifications", db_index=False, verbose_name=_("recipient")
    )
    type = models.CharField(_("type"), max_length=20)
    subject = models.CharField(_("topic"), max_length=64)  # like a topic: post.12
    period = models.CharField(max_length=10, blank=True)  # for example a day; entries after it start a new group
    count = models.IntegerField(_("count"))
    alert_level = models.PositiveSmallIntegerField()  # of the latest entry
    unseen = models.BooleanField(_("unseen"))
    version = models.PositiveBigIntegerField(default=1)  # rises with each change; the release before sums it
    changed_at = models.DateTimeField(_("last notified"), default=timezone.now)  # of the latest entry that alerted
    seen_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(_("read at"), null=True)
    archived_at = models.DateTimeField(_("archived at"), null=True)
    correlation_id = models.CharField(  # of what caused its latest entry
        max_length=correlation.MAX_LENGTH, blank=True, default="", db_default=""
    )
    fan_out_pending = models.BooleanField(default=False)  # its deliveries are not written yet

    class Meta:
        verbose_name, verbose_name_plural = _("notification"), _("notifications")
        constraints = [
            models.UniqueConstraint(fields=["recipient", "type", "subject", "period"], name="one_row_per_group")
        ]
        indexes = [
            models.Index(
                fields=["recipient", "-changed_at"], condition=Q(archived_at=None), name="notifications_shown"
            ),
            models.Index(
                fields=["recipient", "-changed_at"],
                condition=Q(archived_at=None, read_at=None),
                name="notifications_unread",
            ),
            models.Index(
                fields=["recipient", "-changed_at"],
                condition=Q(archived_at__isnull=False),
                name="notifications_archived",
            ),
            models.Index(fields=["recipient", "-changed_at"], condition=Q(unseen=True), name="notifications_new"),
            models.Index(fields=["subject"], name="notifications_subject"),
            models.Index(fields=["changed_at"], condition=Q(fan_out_pending=True), name="notifications_fan_out"),
        ]

    # What the list shows; `types.described` sets it.
    text: str = ""
    detail: str = ""
    on_page: bool = False  # whether it is about a page of another site
    icon: str
    names: list[str] = []  # of the latest people, for their avatars
    fresh: int = 0  # entries since the recipient last looked
    muted: bool = False
    gone: bool = False  # its destination does not exist any more

    def __str__(self) -> str:
        return f"{self.type} {self.subject} for {self.recipient_id}"

    @property
    def key(self) -> str:
        """The part of the subject after the dot: the id of a post, the token of a receipt."""
        return self.subject.partition(".")[2]

    @property
    def cursor(self) -> str:
        """The position in the list after this row."""
        return f"{microseconds(self.changed_at)}.{self.pk}"


class AlertLevel(models.IntegerChoices):
    """Whether an entry alerts its recipient. What counts is the lower of its own level and that of the preference."""

    OFF = 0, _("Off")  # never: only the count of the group changes
    FIRST_OF_DAY = 1, _("First of the day")  # if it starts a group
    EVERY_TIME = 2, _("Every time")


class Preference(models.Model):
    """Where one account wants notifications of one type. No row: everywhere. Without the bell: nowhere."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, "preferences", verbose_name=_("account"))
    type = models.CharField(_("type"), max_length=20)
    bell = models.PositiveSmallIntegerField(_("in-app"), choices=AlertLevel, default=AlertLevel.EVERY_TIME)
    digest = models.BooleanField(_("email digest"), default=True)
    push = models.BooleanField(_("push"), default=True)
    integrations = models.BooleanField(_("integrations"), default=True)

    class Meta:
        verbose_name, verbose_name_plural = _("preference"), _("preferences")
        constraints = [models.UniqueConstraint(fields=["user", "type"], name="one_preference_per_type")]

    def __str__(self) -> str:
        return f"{self.user_id} wants {self.type}: {self.get_bell_display()}"


class Mute(models.Model):
    """A subject that one account wants no alerts about."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, "mutes", verbose_name=_("account"))
    subject = models.CharField(_("topic"), max_length=64)

    class Meta:
        verbose_name, verbose_name_plural = _("mute"), _("mutes")
        constraints = [models.UniqueConstraint(fields=["user", "subject"], name="one_mute_per_subject")]

    def __str__(self) -> str:
        return f"{self.user_id} mutes {self.subject}"
