"""The digest: one email about what alerted in a digest period and is unread.

There is no digest if the list was opened after the newest alert. A period ends, and its email is written, in one
transaction: whatever is lost, runs twice or is killed, each period ends once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import ngettext

from notifications import selectors
from notifications.digest import links
from notifications.digest.quiet_hours import may_send_at
from notifications.digest.schedule import next_end
from notifications.models import Delivery, Destination, Notification, NotificationSettings, Preference
from notifications.types import described
from outbox.email import email_row

MAX_GROUPS = 20  # in one email
PRIORITY = 7  # after everything but exports


def end_period(user_settings: NotificationSettings, end: datetime) -> Delivery | None:
    """Ends the digest period, unless it has been changed meanwhile. Returns the email, if there is anything in it."""
    destination = selectors.digest_address(user_id=user_settings.user_id)
    if destination and not destination.address:  # this process has no key to read it: the next run tries again
        return None
    content = _content(user_settings, destination, end) if destination and user_settings.user.is_active else None
    with transaction.atomic():
        unchanged = NotificationSettings.objects.filter(
            pk=user_settings.pk, digest_since=user_settings.digest_since, digest_at=user_settings.digest_at
        )
        ended = unchanged.update(digest_since=end, digest_at=next_end(user_settings, end))
        if not (ended and destination and content):
            return None
        at = may_send_at(user_settings, timezone.now())
        return Delivery.objects.create(destination=destination, next_at=at, **content)


def _content(user_settings: NotificationSettings, destination: Destination, end: datetime) -> dict[str, Any] | None:
    unwanted = Preference.objects.filter(user=user_settings.user_id, digest=False).values("type")
    unread = (
        selectors.visible_groups(user_settings.user_id)
        .filter(changed_at__gte=user_settings.digest_since, changed_at__lt=end, read_at=None)
        .exclude(type__in=unwanted)
    )
    if not unread.filter(unseen=True).exists():
        return None
    with translation.override(user_settings.language):
        return _message(user_settings, destination, described(unread[:MAX_GROUPS]), unread.count())


def _message(
    user_settings: NotificationSettings, destination: Destination, groups: list[Notification], number: int
) -> dict[str, Any]:
    stop = settings.SITE_URL + reverse("unsubscribe", args=[links.sign_digest(user_settings)])
    context = {"groups": groups, "more": number - len(groups), "site": settings.SITE_URL, "stop": stop}
    subject = ngettext("1 unread notification", "%(number)s unread notifications", number)
    return email_row(
        type="digest",
        to=destination.address,
        subject=subject % {"number": number},
        text=render_to_string("notifications/mail/digest.txt", context),
        html=render_to_string("notifications/mail/digest.html", context),
        priority=PRIORITY,
        headers={
            "Auto-Submitted": "auto-generated",  # RFC 3834
            "List-Unsubscribe": f"<{stop}>",  # RFC 2369, and with the next one RFC 8058
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
