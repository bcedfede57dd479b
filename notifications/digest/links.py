"""What a link in a mail may do without signing in: the signature says that we wrote it, and for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.core import signing

from notifications.models import Destination, NotificationSettings

ADDRESS, DIGEST = "redheart.address", "redheart.digest"
ADDRESS_LASTS, DIGEST_LASTS = timedelta(days=3), timedelta(days=400)


class Subscription(NamedTuple):
    user: int
    digest: str  # how often, so that it can be had again


def sign_address(destination: Destination) -> str:
    return signing.dumps(destination.pk, salt=ADDRESS)


def read_address(token: str) -> int:
    """Which destination. Raises `signing.BadSignature`, where it is too old `signing.SignatureExpired`."""
    return int(signing.loads(token, salt=ADDRESS, max_age=ADDRESS_LASTS))


def sign_digest(user_settings: NotificationSettings) -> str:
    return signing.dumps([user_settings.user_id, user_settings.digest], salt=DIGEST)


def read_digest(token: str) -> Subscription:
    """Raises what `read_address` raises."""
    return Subscription(*signing.loads(token, salt=DIGEST, max_age=DIGEST_LASTS))
