"""Where notifications go besides the bell: to the browsers, chat rooms, services and mailboxes that people connect."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from outbox import models as outbox
from outbox.models import OWED, Status

PAUSE_AFTER = 8  # tries in a row that fail; with the pauses between them it is more than an hour
KEPT = timedelta(days=30)  # of the log
CHUNK = 500  # rows forgotten in one transaction


def new_identity() -> str:
    return uuid.uuid4().hex


class Destination(models.Model):
    """One place outside, connected by one account. Its transport knows what ``address``, ``secret`` and ``options``
    mean."""

    class Transport(models.TextChoices):
        MAIL = "mail", _("Email")
        PUSH = "push", _("Push")
        WEBHOOK = "webhook", _("Webhook")
        APPRISE = "apprise", _("Chat or other service")
        KAKAO = "kakao", _("Kakao Alimtalk")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="destinations", verbose_name=_("connected by")
    )
    transport = models.CharField(_("transport"), max_length=8, choices=Transport)
    name = models.CharField(_("name"), max_length=80)
    address = models.TextField(_("address"))
    secret = models.CharField(max_length=200, blank=True)
    options = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(_("connected at"), default=timezone.now)
    next_at = models.DateTimeField(default=timezone.now)  # nothing goes there before: its limit, or its Retry-After
    failures = models.PositiveIntegerField(_("consecutive failures"), default=0)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    version = models.PositiveBigIntegerField(default=0)  # grows with each change of its log

    class Meta:
        ordering = ["pk"]
        verbose_name, verbose_name_plural = _("destination"), _("destinations")
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "address"], condition=Q(transport="mail"), name="one_mail_address_each"
            ),
            models.UniqueConstraint(fields=["address"], condition=Q(transport="push"), name="one_owner_per_browser"),
        ]

    here: bool = False  # is it the browser that asks?

    def __str__(self) -> str:
        return f"{self.get_transport_display()}: {self.name}"

    def take_turn(self, gap: timedelta) -> bool:
        """True for one caller in each ``gap``, and for nobody before ``next_at``."""
        now = timezone.now()
        free = Destination.objects.filter(pk=self.pk, next_at__lte=now, paused_at=None)
        return bool(free.update(next_at=now + gap))


OUTSIDE = [Destination.Transport.WEBHOOK, Destination.Transport.APPRISE, Destination.Transport.KAKAO]  # staff's own


class Delivery(outbox.Outbox):
    """One message to one destination. What it says was fixed when it was written; a later entry of the same group
    rewrites it for as long as it waits."""

    destination = models.ForeignKey(
        Destination, models.CASCADE, related_name="deliveries", verbose_name=_("destination")
    )
    notification = models.ForeignKey("notifications.Notification", models.CASCADE, null=True, related_name="deliveries")
    content = models.JSONField()  # title, text, url and what else the transport can use
    identity = models.CharField(max_length=200, unique=True, default=new_identity)

    class Meta(outbox.Outbox.Meta):
        verbose_name, verbose_name_plural = _("delivery"), _("deliveries")
        indexes = [*outbox.Outbox.Meta.indexes, models.Index(fields=["destination", "-id"], name="notifications_log")]

    def __str__(self) -> str:
        return f"{self.identity} to {self.destination}"

    def changed(self) -> None:
        Destination.objects.filter(pk=self.destination_id).update(version=F("version") + 1)

    @classmethod
    def due(cls) -> models.QuerySet[Delivery]:
        return super().due().filter(destination__paused_at=None)

    @classmethod
    def forget(cls) -> None:
        """Deletes what is older than the log is kept: all that has ended, and what waits for a place that is paused."""
        old = cls.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(status=Status.SENDING)
        old = old.exclude(status__in=OWED, destination__paused_at=None)
        while some := list(old.values_list("pk", flat=True)[:CHUNK]):
            cls.objects.filter(pk__in=some).delete()

    def successor(self) -> Delivery | None:
        """The later delivery of the same group, written while this one was being tried."""
        if not self.notification_id:
            return None
        later = Delivery.objects.filter(destination=self.destination_id, notification=self.notification_id)
        return later.filter(pk__gt=self.pk).order_by("-pk").first()

    @transaction.atomic
    def give_way(self) -> None:
        """It will not be sent. What was tried of it stands in the log of what is sent in its place."""
        if later := self.successor():
            self.tries.update(delivery=later)
        self._row().filter(status__in=OWED).delete()

    @transaction.atomic
    def again(self) -> bool:
        """Somebody wants it sent as it is, so nothing later of its group rewrites it or takes its place."""
        if not super().again():
            return False
        self._row().update(notification=None)
        return True

    def postpone(self, until: datetime) -> None:
        """Its destination may not be written to before."""
        self._row().filter(status__in=OWED).update(next_at=until, asked_at=None)

    @transaction.atomic
    def counted(self, status: Status, *, gone: bool = False) -> bool:
        """Counts the failures of its destination. True: this one has paused it, as does the word that it is gone."""
        row = Destination.objects.filter(pk=self.destination_id)
        if status == Status.ACCEPTED:
            row.update(failures=0)
            return False
        row.update(failures=F("failures") + 1)
        tired = row.filter(failures__gte=0 if gone else PAUSE_AFTER, paused_at=None)
        return bool(tired.update(paused_at=timezone.now()))


class Attempt(outbox.Try):
    """A try, with what was said on both sides; secrets are left out."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries")
    request = models.TextField(_("request"), blank=True)
    answer = models.TextField(_("response"), blank=True)


class Habits(models.Model):
    """How one account wants to be told: its language, its hours, its digest. No row: none of it was chosen."""

    class Digest(models.TextChoices):
        NEVER = "", _("Off")
        DAILY = "daily", _("Daily")
        WEEKLY = "weekly", _("Mondays")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="habits", verbose_name=_("account")
    )
    language = models.CharField(_("language"), max_length=10, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    quiet_from = models.TimeField(_("quiet hours start"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet hours end"), null=True, blank=True)
    digest = models.CharField(_("email digest"), max_length=6, choices=Digest, blank=True, default=Digest.NEVER)
    digest_since = models.DateTimeField(default=timezone.now)  # the end of the last window
    digest_at = models.DateTimeField(null=True)  # the end of the window that runs now; null: none does

    class Meta:
        verbose_name, verbose_name_plural = _("delivery settings"), _("delivery settings")
        indexes = [models.Index(fields=["digest_at"], condition=~Q(digest_at=None), name="notifications_digest")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.digest or 'no digest'}"
