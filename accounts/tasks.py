from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import AccountMail, AccountSession, EmailAddress
from core.deletion import delete_in_steps
from outbox.outcome import PENDING, Status

MAX_AGE = timedelta(days=30)


@shared_task
def delete_old() -> None:
    """Beat, once a day: deletes emails that have ended, addresses that nobody has confirmed, and what is left of
    sessions that a process of an earlier release has deleted."""
    before = timezone.now() - MAX_AGE
    delete_in_steps(AccountMail.objects.filter(created_at__lt=before).exclude(status__in=[*PENDING, Status.SENDING]))
    AccountSession.objects.exclude(session__in=Session.objects.all()).delete()
    EmailAddress.objects.filter(requested_at__lt=before).exclude(pending="").update(pending="")
