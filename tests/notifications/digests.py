"""People who want a digest, and what rings for them."""

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
from notifications.digest.schedule import SETTLED
from notifications.models import Delivery, Destination, Notification, NotificationSettings
from notifications.services import set_user_settings


def subscribe(user: User, digest: str = "daily", **user_settings: Any) -> NotificationSettings:
    """Somebody whose address is confirmed, and whose window began long ago."""
    set_user_settings(user=user.pk, digest=digest, **{"time_zone": "Asia/Seoul", **user_settings})
    set_address(user=user.pk, address=f"{user.username}@example.com")
    confirm(destination=Destination.objects.get(owner=user))
    NotificationSettings.objects.filter(user=user).update(digest_since=timezone.now() - timedelta(days=30))
    return NotificationSettings.objects.get(user=user)


def like(post: Post, *visitors: str) -> None:
    set_likes(clicks=[Click(post.pk, visitor, True, timezone.now()) for visitor in visitors])
    settle()


def pass_an_hour(user: User) -> NotificationSettings:
    """What has rung so far is an hour ago, and the window of this person ended a while ago."""
    hour = timedelta(hours=1)
    Notification.objects.filter(recipient=user).update(changed_at=F("changed_at") - hour)
    user_settings = NotificationSettings.objects.filter(user=user)
    windows = user_settings.exclude(digest="")
    windows.update(digest_since=F("digest_since") - hour, digest_at=timezone.now() - 2 * SETTLED)
    return user_settings.get()


def end_window(user: User) -> Delivery | None:
    """Returns what was written when beat found that the window had ended."""
    known = set(Delivery.objects.values_list("pk", flat=True))
    tasks.send_digest(pass_an_hour(user).pk)
    return Delivery.objects.exclude(pk__in=known).first()
