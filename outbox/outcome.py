"""The states of an outbox message, and the outcome of one attempt to send it."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

LOST_BEFORE = gettext_noop("The worker stopped before delivery.")
LOST_AFTER = gettext_noop("The worker stopped during delivery. It may have been delivered.")
RESTORED = gettext_noop("The database was restored from a backup. It may have been delivered since.")


class Status(models.TextChoices):
    RECEIVED = "received", _("Received")
    QUEUED = "queued", _("Queued")
    SENDING = "sending", _("Sending")
    ACCEPTED = "accepted", _("Sent")
    RETRYING = "retrying", _("Retrying")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Unknown")


PENDING = [Status.RECEIVED, Status.QUEUED, Status.RETRYING]
UNDELIVERED = [Status.FAILED, Status.UNKNOWN]
PROBLEMS = [Status.RETRYING, *UNDELIVERED]  # not delivered at the first attempt


class Outcome(NamedTuple):
    """The result of one attempt, without secrets."""

    status: Status
    response: str  # of the other side, or why there was none: one line
    request: str = ""
    response_text: str = ""
    retry_after: timedelta = timedelta()  # the other side asked not to be contacted for this long
    gone: bool = False  # the destination no longer exists
    worker_lost: bool = False  # the outcome is our worker's fault, not the destination's


class LeaseLost(Exception):
    """The lease has expired, so this worker must not send the message any more."""
