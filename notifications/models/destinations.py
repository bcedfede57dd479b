"""Destinations of notifications besides the bell, and the messages to them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.encryption import EncryptedTextField
from outbox.models import OutboxMessage
from outbox.outcome import PENDING, Outcome, Status

PUSH = "push"  # the transport of browsers
GAP = timedelta(seconds=1)  # between two messages to the same destination
PAUSE_AFTER = timedelta(hours=1)  # of failures without a success between them
PROBE_EVERY = timedelta(hours=1)  # then one message is tried from time to time


class Destination(models.Model):
    """A browser, mailbox, chat room or service that one account has connected. Its transport knows what ``address``,
    ``secret`` and ``options`` mean."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="destinations", verbose_name=_("connected by")
    )
    transport = models.CharField(_("transport"), max_length=20)
    name = models.CharField(_("name"), max_length=80)
    address = EncryptedTextField(_("address"))
    secret = EncryptedTextField(blank=True)
    options = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(_("connected at"), default=timezone.now)
    next_at = models.DateTimeField(default=timezone.now)  # the other side asked for no message before (Retry-After)
    turn_at = models.DateTimeField(null=True)  # when the latest message was sent
    failures = models.PositiveIntegerField(_("consecutive failures"), default=0)
    failing_since = models.DateTimeField(null=True)  # the first of the consecutive failures
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    probe_at = models.DateTimeField(null=True)  # paused for its failures: when one message is tried again
    gone = models.BooleanField(default=False)  # paused because the other side says that it does not exist any more
    version = models.PositiveBigIntegerField(default=0)  # rises with each change of its delivery log

    class Meta:
        ordering = ["pk"]
        verbose_name, verbose_name_plural = _("destination"), _("destinations")
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "address"], condition=Q(transport="email"), name="one_row_per_email_address"
            ),
            models.UniqueConstraint(fields=["address"], condition=Q(transport=PUSH), name="one_owner_per_browser"),
        ]

    def __str__(self) -> str:
        return f"{self.transport}: {self.name}"

    def touch(self) -> None:
        """Raises the version. Call it in each transaction that changes the delivery log."""
        Destination.objects.filter(pk=self.pk).update(version=F("version") + 1)

    @classmethod
    def getting_messages(cls) -> models.QuerySet[Destination]:
        """Those for which messages are written: also those that are paused for their failures, whose messages wait."""
        return cls.objects.filter(Q(paused_at=None) | Q(probe_at__isnull=False))

    def take_turn(self) -> bool:
        """True for one caller in each `GAP`; False for the others, before ``next_at`` and while it is paused. If it is
        paused for its failures, only the message that is tried again is not on hold."""
        now = timezone.now()
        # A turn in the future: the clock has been set back.
        free = Q(turn_at=None) | Q(turn_at__lte=now - GAP) | Q(turn_at__gt=now)
        return bool(Destination.getting_messages().filter(free, pk=self.pk, next_at__lte=now).update(turn_at=now))

    @transaction.atomic
    def pause(self, *, probe_at: datetime | None = None, gone: bool = False) -> bool:
        """Holds its pending messages. With ``probe_at`` one is tried again then, and a success resumes it. False: it
        was paused already."""
        paused = Destination.objects.filter(pk=self.pk, paused_at=None)
        if not paused.update(paused_at=timezone.now(), probe_at=probe_at, gone=gone):
            return False
        self.hold(on_hold=True)
        return True

    @transaction.atomic
    def probe(self) -> None:
        """Makes its oldest held message due."""
        Destination.objects.filter(pk=self.pk).update(probe_at=timezone.now() + PROBE_EVERY)
        oldest = self.deliveries.filter(status__in=PENDING, on_hold=True).order_by("pk").values("pk")[:1]
        held = OutboxMessage.objects.filter(pk__in=list(oldest.values_list("pk", flat=True)))
        held.update(on_hold=False, next_at=timezone.now(), enqueued_at=None)

    @transaction.atomic
    def resume(self) -> None:
        """Makes its held messages due."""
        Destination.objects.filter(pk=self.pk).update(
            paused_at=None, probe_at=None, gone=False, failures=0, failing_since=None, next_at=timezone.now()
        )
        self.hold(on_hold=False)

    def hold(self, *, on_hold: bool) -> None:
        """Holds its pending messages, or releases them."""
        OutboxMessage.objects.filter(pk__in=self.deliveries.values("pk"), status__in=PENDING).update(on_hold=on_hold)

    def hold_if_paused(self) -> None:
        """Puts messages on hold that were written, or tried again, while it is paused."""
        if Destination.objects.filter(pk=self.pk, paused_at__isnull=False).exists():
            self.hold(on_hold=True)

    @transaction.atomic
    def count_outcome(self, outcome: Outcome) -> bool:
        """Counts failures in a row; a success ends the pause that they have caused. True if this outcome paused it: it
        is gone, or there were only failures for `PAUSE_AFTER`."""
        row, now = Destination.objects.filter(pk=self.pk), timezone.now()
        if outcome.status == Status.ACCEPTED:
            row.update(failures=0, failing_since=None)
            if row.filter(probe_at__isnull=False).exists():
                self.resume()
            return False
        row.update(failures=F("failures") + 1, failing_since=Coalesce("failing_since", now))
        if outcome.gone:
            return self.pause(gone=True)
        if row.filter(failing_since__lte=now - PAUSE_AFTER).exists() and self.pause(probe_at=now + PROBE_EVERY):
            return True
        self.hold_if_paused()
        return False


class Delivery(OutboxMessage):
    """One message to one destination. While it is pending, a later entry of its group rewrites it."""

    destination = models.ForeignKey(
        Destination, models.CASCADE, related_name="deliveries", verbose_name=_("destination")
    )
    notification = models.ForeignKey("notifications.Notification", models.CASCADE, null=True, related_name="deliveries")

    class Meta:
        verbose_name, verbose_name_plural = _("delivery"), _("deliveries")

    def __str__(self) -> str:
        return f"{self.identity} to {self.destination}"

    def newer(self) -> Delivery | None:
        """The newest delivery of the same group, written while this one was being sent."""
        if not self.notification_id:
            return None
        return (
            Delivery.objects.filter(destination=self.destination_id, notification=self.notification_id, pk__gt=self.pk)
            .order_by("-pk")
            .first()
        )

    @transaction.atomic
    def drop(self) -> None:
        """Deletes it without sending it. If a newer delivery replaces it, its attempts move to the log of that one."""
        if newer := self.newer():
            self.attempts.update(message=newer)
        Delivery.objects.filter(pk=self.pk, status__in=PENDING).delete()

    @transaction.atomic
    def retry_now(self) -> bool:
        """Also cuts it off from its group, so that no later entry rewrites or replaces it."""
        if not super().retry_now():
            return False
        Delivery.objects.filter(pk=self.pk).update(notification=None)
        return True
