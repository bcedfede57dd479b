"""Accounts that get a digest, and digest periods that end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from likes.models import Post
from likes.services import Click, set_likes
from likes.settling import settle
from notifications import tasks
from notifications.destinations.email_address import confirm, set_address
from notifications.digest.schedule import COMMIT_TIME
from notifications.models import Delivery, Destination, Notification, NotificationSettings
from notifications.services import set_notification_settings


def subscribe(user: User, digest: str = "daily", **values: Any) -> NotificationSettings:
    """Confirms an address of the account and starts its digest period 30 days ago."""
    set_notification_settings(user_id=user.pk, digest=digest, **{"time_zone": "Asia/Seoul", **values})
    set_address(user_id=user.pk, address=f"{user.username}@example.com")
    confirm(destination=Destination.objects.get(owner=user))
    NotificationSettings.objects.filter(user=user).update(digest_since=timezone.now() - timedelta(days=30))
    return NotificationSettings.objects.get(user=user)


def like(post: Post, *visitors: str) -> None:
    set_likes(clicks=[Click(post.pk, visitor, True, timezone.now()) for visitor in visitors])
    settle()


def make_due(user: User) -> NotificationSettings:
    """Moves all notifications of the account an hour back, and the end of its digest period after them."""
    hour = timedelta(hours=1)
    Notification.objects.filter(recipient=user).update(changed_at=F("changed_at") - hour)
    found = NotificationSettings.objects.filter(user=user)
    end = timezone.now() - 2 * COMMIT_TIME
    found.exclude(digest="").update(digest_since=F("digest_since") - hour, digest_at=end)
    return found.get()


def end_period(user: User) -> Delivery | None:
    """Ends the digest period of the account as beat does. Returns the delivery that was written."""
    known = set(Delivery.objects.values_list("pk", flat=True))
    tasks.send_digest(make_due(user).pk)
    return Delivery.objects.exclude(pk__in=known).first()
