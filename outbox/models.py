"""The transactional outbox: one row for each message that leaves this site, whether email, webhook, chat or push.

The row is written in the transaction that caused it, so no message is lost and none is sent for work that was rolled
back. `sending.send` claims a row with one conditional UPDATE and a lease, hands it to its transport and stores the
outcome. If a worker dies before ``handed_over_at``, nothing was sent: retry. After it: UNKNOWN, never retried
automatically.
"""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Manager, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import correlation
from outbox.outcome import PENDING, UNDELIVERED, LeaseLost, Outcome, Status

LEASE = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT + 30)  # Celery has ended the task by then
GRACE = timedelta(seconds=5)  # more than clocks differ and a commit takes
GIVE_UP_AFTER = timedelta(hours=24)  # retries end then
FIRST_RETRY, MAX_RETRY_DELAY = timedelta(seconds=30), timedelta(hours=1)
ENQUEUE_AGAIN = timedelta(seconds=15)  # an enqueued task that has not run by then may have been lost
ENQUEUE_AGAIN_WHILE_BUSY = timedelta(minutes=10)  # the same, if other tasks wait in the queue


def new_identity() -> str:
    return uuid.uuid4().hex


def in_a_day() -> datetime:
    return timezone.now() + GIVE_UP_AFTER


class OutboxMessage(models.Model):
    """The apps subclass it to say what a message belongs to (multi-table inheritance). ``transport`` names how it is
    sent, ``content`` is what that transport needs."""

    transport = models.CharField(_("transport"), max_length=20)
    content = models.JSONField()
    identity = models.CharField(max_length=64, unique=True, default=new_identity)  # the same in every attempt
    priority = models.PositiveSmallIntegerField(_("priority"))  # 0 is sent first, 9 last
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.RECEIVED)
    on_hold = models.BooleanField(default=False)  # not sent while its destination is paused
    attempt_count = models.PositiveIntegerField(_("attempts"), default=0)  # also identifies a claim
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    enqueued_at = models.DateTimeField(null=True)  # when a task was last enqueued for it
    queued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    handed_over_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(_("finished at"), null=True)
    lease_until = models.DateTimeField(null=True)
    next_at = models.DateTimeField(_("next attempt at"), default=timezone.now)
    give_up_at = models.DateTimeField(default=in_a_day)
    response = models.TextField(_("response"), blank=True)
    # Of what caused it. The database has a default for the processes of the release before, during a restart.
    correlation_id = models.CharField(
        max_length=correlation.MAX_LENGTH, blank=True, default=correlation.current, db_default=""
    )

    if TYPE_CHECKING:
        objects: ClassVar[Manager[Self]]
        attempts: Any

    class Meta:
        indexes = [
            models.Index(
                fields=["priority", "next_at"],
                condition=Q(status__in=PENDING, on_hold=False),
                name="outbox_pending",
            ),
            # Not partial: SQLite does not see that status IN (?, ?) is the condition of an index.
            models.Index(fields=["status", "next_at"], name="outbox_status"),
            models.Index(fields=["lease_until"], condition=Q(status=Status.SENDING), name="outbox_sending"),
        ]

    def __str__(self) -> str:
        return f"{self.transport} {self.identity}: {self.status}"

    @classmethod
    def due(cls) -> models.QuerySet[Self]:
        """What should be sent now, highest priority first."""
        now = timezone.now()
        return cls.objects.filter(status__in=PENDING, on_hold=False, next_at__lte=now).order_by("priority", "next_at")

    @classmethod
    def due_not_enqueued(cls, *, may_be_lost: bool) -> models.QuerySet[Self]:
        """What has no task, or one that was enqueued so long ago that it is lost. ``may_be_lost``: the queue is empty.
        While it is not, the task probably waits in it, and another one would make the queue longer."""
        wait = ENQUEUE_AGAIN if may_be_lost else ENQUEUE_AGAIN_WHILE_BUSY
        return cls.due().filter(Q(enqueued_at=None) | Q(enqueued_at__lt=timezone.now() - wait))

    @classmethod
    def lateness(cls, **filters: object) -> timedelta:
        """How long the oldest due message has been waiting for a worker."""
        oldest = cls.due().filter(**filters).aggregate(oldest=models.Min("next_at"))["oldest"]
        return timezone.now() - oldest if oldest else timedelta()

    @classmethod
    def mend_after_clock_step(cls) -> None:
        """Times that have passed lie in the future: the clock has been set back. These messages are due now, instead of
        when the clock shows their times again. Those that are on hold wait until they no longer are."""
        now = timezone.now()
        for field in ("created_at", "enqueued_at", "ended_at"):
            waiting = cls.objects.filter(status__in=PENDING, on_hold=False, **{f"{field}__gt": now + GRACE})
            waiting.update(**{"next_at": now, "enqueued_at": None, field: now if field != "enqueued_at" else None})
        sending = cls.objects.filter(status=Status.SENDING, lease_until__gt=now + LEASE + GRACE)
        sending.update(lease_until=now + LEASE)

    def _row(self) -> models.QuerySet[OutboxMessage]:
        """The row in the parent table, so that a condition and its UPDATE are one statement."""
        return OutboxMessage.objects.filter(pk=self.pk)

    def mark_enqueued(self) -> None:
        now = timezone.now()
        self._row().update(enqueued_at=now)
        self._row().filter(status=Status.RECEIVED).update(status=Status.QUEUED, queued_at=now)

    def claim(self) -> bool:
        """Leases the message to this worker alone. False: it is not due, or another worker has it."""
        now = timezone.now()
        free = self._row().filter(status__in=PENDING, on_hold=False, next_at__lte=now)
        if not free.filter(attempt_count=self.attempt_count).update(
            status=Status.SENDING,
            attempt_count=F("attempt_count") + 1,
            queued_at=Coalesce("queued_at", now),
            started_at=now,
            handed_over_at=None,
            lease_until=now + LEASE,
        ):
            return False
        self.refresh_from_db()
        return True

    def _claimed(self) -> models.QuerySet[OutboxMessage]:
        """The row, as long as this worker's claim is the latest."""
        return self._row().filter(attempt_count=self.attempt_count)

    def mark_handed_over(self) -> None:
        """Call it right before the other side can get the message. Raises `LeaseLost`."""
        now = timezone.now()
        if not self._claimed().filter(status=Status.SENDING, lease_until__gt=now).update(handed_over_at=now):
            raise LeaseLost
        self.handed_over_at = now

    def settle(self, outcome: Outcome) -> bool:
        """Stores the outcome of this worker's attempt and logs it. False: the claim has expired and another attempt or
        outcome replaces this one. A late outcome still replaces UNKNOWN."""
        now = timezone.now()
        status, next_at = outcome.status, now
        if status == Status.RETRYING:
            next_at = now + max(retry_delay(self.attempt_count), outcome.retry_after)
        if next_at > self.give_up_at:
            status, next_at = Status.FAILED, now
        claimed = self._claimed().filter(status__in=[Status.SENDING, Status.UNKNOWN])
        if not claimed.update(
            status=status,
            response=outcome.response,
            next_at=next_at,
            ended_at=now,
            enqueued_at=None,
            lease_until=None,
        ):
            return False
        self.status = status
        self.attempts.create(
            started_at=self.started_at,
            ended_at=now,
            status=status,
            response=outcome.response,
            request=outcome.request,
            response_text=outcome.response_text,
            next_at=next_at if status == Status.RETRYING else None,
        )
        return True

    def retry_now(self) -> bool:
        """Makes a message due that failed, is unknown or waits for its next attempt. False: it is none of these."""
        self.next_at = timezone.now()
        waiting = self._row().filter(status__in=[Status.RETRYING, *UNDELIVERED])
        give_up_at = self.next_at + GIVE_UP_AFTER
        return bool(
            waiting.update(status=Status.RECEIVED, next_at=self.next_at, enqueued_at=None, give_up_at=give_up_at)
        )

    def postpone(self, until: datetime) -> None:
        self._row().filter(status__in=PENDING).update(next_at=until, enqueued_at=None)


class Attempt(models.Model):
    """One attempt to send a message: the delivery log."""

    message = models.ForeignKey(OutboxMessage, models.CASCADE, related_name="attempts")
    started_at = models.DateTimeField(_("started at"), null=True)
    ended_at = models.DateTimeField(_("finished at"))
    status = models.CharField(_("status"), max_length=8, choices=Status)
    response = models.TextField(_("response"), blank=True)
    request = models.TextField(_("request"), blank=True)
    response_text = models.TextField(_("full response"), blank=True)
    next_at = models.DateTimeField(_("next attempt at"), null=True)

    class Meta:
        ordering = ["pk"]
        verbose_name, verbose_name_plural = _("attempt"), _("attempts")

    def __str__(self) -> str:
        return f"{self.status}: {self.response}"


def retry_delay(attempt_count: int) -> timedelta:
    """Doubles with each attempt, up to an hour. A random 20 percent more or less, so that not all retry at once."""
    return min(FIRST_RETRY * 2 ** min(attempt_count - 1, 10), MAX_RETRY_DELAY) * random.uniform(0.8, 1.2)
