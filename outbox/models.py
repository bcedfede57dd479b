"""What has to leave the house: mails, webhooks, pushes. A row is its own outbox: until it is accepted or has failed,
sending it is owed.

One UPDATE with a condition claims a row for a worker, with a lease. ``exposed_at`` marks the moment of risk, after
which the other side may have it: a worker that dies before it has sent nothing, so it is tried again; one that dies
after it leaves a row whose fate is unknown, and that is said, never tried a second time by itself.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Manager, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

LEASE = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT + 30)  # the worker that holds it is dead for sure by then
GRACE = timedelta(seconds=5)  # more than clocks differ and a commit takes
PATIENCE = timedelta(hours=24)  # for another side that cannot take it now
FIRST, LONGEST = timedelta(seconds=30), timedelta(hours=1)  # between two tries
ASK_AGAIN = timedelta(seconds=15)  # after which a question to the worker may have been lost
LOST_BEFORE = gettext_noop("The worker stopped before delivery.")
LOST_AFTER = gettext_noop("The worker stopped during delivery. It may have been delivered.")


class Status(models.TextChoices):
    RECEIVED = "received", _("Received")
    QUEUED = "queued", _("Queued")
    SENDING = "sending", _("Sending")
    ACCEPTED = "accepted", _("Sent")
    RETRYING = "retrying", _("Retrying")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Unknown")


OWED = [Status.RECEIVED, Status.QUEUED, Status.RETRYING]
STUCK = [Status.FAILED, Status.UNKNOWN]


def in_a_day() -> datetime:
    return timezone.now() + PATIENCE


class Taken(Exception):
    """The lease has run out, so this worker must not send it any more."""


class Outbox(models.Model):
    """What every row that leaves the house has. ``attempts`` also tells one claim from the next.

    Its log is a kind of `Try` with a foreign key back to it, named ``tries``."""

    if TYPE_CHECKING:
        objects: ClassVar[Manager[Self]]
        tries: Any

    priority = models.PositiveSmallIntegerField(_("priority"))  # 0 comes first on Redis; exports have 9
    identity = models.CharField("Message-ID", max_length=200, unique=True)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.RECEIVED)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    asked_at = models.DateTimeField(null=True)  # when a worker was last asked to send it
    queued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    exposed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(_("finished at"), null=True)
    lease_until = models.DateTimeField(null=True)
    next_at = models.DateTimeField(_("next attempt at"), default=timezone.now)
    give_up_at = models.DateTimeField(default=in_a_day)
    said = models.TextField(_("response"), blank=True)

    class Meta:
        abstract = True
        indexes = [
            models.Index(
                fields=["priority", "next_at"], condition=Q(status__in=OWED), name="%(app_label)s_%(class)s_owed"
            ),
            models.Index(
                fields=["lease_until"], condition=Q(status=Status.SENDING), name="%(app_label)s_%(class)s_sending"
            ),
        ]

    def changed(self) -> None:
        """Part of each transaction that changes its state."""

    def stuck(self) -> None:
        """Part of the transaction that ends it without success."""

    @classmethod
    def due(cls) -> models.QuerySet[Self]:
        """What should be sent now, the most urgent first."""
        return cls.objects.filter(status__in=OWED, next_at__lte=timezone.now()).order_by("priority", "next_at")

    @classmethod
    def unasked(cls) -> models.QuerySet[Self]:
        return cls.due().filter(Q(asked_at=None) | Q(asked_at__lt=timezone.now() - ASK_AGAIN))

    @classmethod
    def lateness(cls) -> timedelta:
        """How long the longest waiting row has waited for a worker."""
        oldest = cls.due().aggregate(oldest=models.Min("next_at"))["oldest"]
        return timezone.now() - oldest if oldest else timedelta()

    def _row(self) -> models.QuerySet[Self]:
        return type(self).objects.filter(pk=self.pk)

    def asked(self) -> None:
        """Notes that a worker was asked, unless it was so quick that it is gone already."""
        now = timezone.now()
        self._row().update(asked_at=now)
        self._row().filter(status=Status.RECEIVED).update(status=Status.QUEUED, queued_at=now)

    @classmethod
    @transaction.atomic
    def claim(cls, pk: int) -> Self | None:
        """Takes a row that is due for this worker alone. None: it is not due, or another has it."""
        now = timezone.now()
        free = cls.objects.filter(pk=pk, status__in=OWED, next_at__lte=now)
        if not free.update(
            status=Status.SENDING,
            attempts=F("attempts") + 1,
            queued_at=Coalesce("queued_at", now),
            started_at=now,
            exposed_at=None,
            lease_until=now + LEASE,
        ):
            return None
        row = cls.objects.get(pk=pk)
        row.changed()
        return row

    def _mine(self) -> models.QuerySet[Self]:
        return self._row().filter(attempts=self.attempts)

    def expose(self) -> None:
        """From here on the other side may have it. Raises `Taken` where the lease has run out."""
        now = timezone.now()
        if not self._mine().filter(status=Status.SENDING, lease_until__gt=now).update(exposed_at=now):
            raise Taken
        self.exposed_at = now

    @transaction.atomic
    def settle(self, status: Status, said: str, *, after: timedelta = timedelta(), **log: str) -> bool:
        """Stores what became of this try, unless somebody has decided otherwise meanwhile. A late answer is still the
        truth about a row that was given up as unknown. ``after`` is how long the other side wants to be left alone."""
        now = timezone.now()
        next_at = now + max(pause(self.attempts), after) if status == Status.RETRYING else now
        if next_at > self.give_up_at:
            status, next_at = Status.FAILED, now
        held = self._mine().filter(status__in=[Status.SENDING, Status.UNKNOWN])
        if not held.update(status=status, said=said, next_at=next_at, ended_at=now, asked_at=None, lease_until=None):
            return False
        again = next_at if status == Status.RETRYING else None
        self.tries.create(started_at=self.started_at, ended_at=now, status=status, said=said, next_at=again, **log)
        self.changed()
        if status in STUCK:
            self.stuck()
        return True

    @classmethod
    def expire(cls) -> list[Self]:
        """Ends the tries whose worker is dead."""
        dead = cls.objects.filter(status=Status.SENDING, lease_until__lt=timezone.now() - GRACE)
        return [row for row in dead if row.settle(*_fate(row))]

    @transaction.atomic
    def again(self) -> bool:
        """Somebody wants it tried now, whatever came of it before."""
        now = timezone.now()
        waiting = self._row().filter(status__in=[Status.RETRYING, *STUCK])
        if not waiting.update(status=Status.RECEIVED, next_at=now, asked_at=None, give_up_at=now + PATIENCE):
            return False
        self.changed()
        return True


class Try(models.Model):
    """What came of one try: the delivery log."""

    started_at = models.DateTimeField(_("started at"), null=True)
    ended_at = models.DateTimeField(_("finished at"))
    status = models.CharField(_("status"), max_length=8, choices=Status)
    said = models.TextField(_("response"), blank=True)
    next_at = models.DateTimeField(_("next attempt at"), null=True)

    class Meta:
        abstract = True
        ordering = ["pk"]
        verbose_name, verbose_name_plural = _("attempt"), _("attempts")

    def __str__(self) -> str:
        return f"{self.status}: {self.said}"


def pause(attempts: int) -> timedelta:
    """The time until the next try: twice as long each time, with a fifth of chance so that a crowd spreads out."""
    return min(FIRST * 2 ** min(attempts - 1, 10), LONGEST) * random.uniform(0.8, 1.2)


def _fate(row: Outbox) -> tuple[Status, str]:
    return (Status.UNKNOWN, LOST_AFTER) if row.exposed_at else (Status.RETRYING, LOST_BEFORE)
