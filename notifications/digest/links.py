"""The signed links in emails. They work without signing in, because only this site can make them."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.core import signing

from notifications.models import Destination, NotificationSettings

ADDRESS_SALT, DIGEST_SALT, AGAIN_SALT = "redheart.address", "redheart.digest", "redheart.digest-again"
ADDRESS_MAX_AGE, DIGEST_MAX_AGE, AGAIN_MAX_AGE = timedelta(days=3), timedelta(days=400), timedelta(hours=1)


class Subscription(NamedTuple):
    user_id: int
    digest: str  # how often, for subscribing again


def sign_address(destination: Destination) -> str:
    return signing.dumps(destination.pk, salt=ADDRESS_SALT)


def read_address(token: str) -> int:
    """The id of the destination. Raises `signing.BadSignature`, or `signing.SignatureExpired` if it is too old."""
    return int(signing.loads(token, salt=ADDRESS_SALT, max_age=ADDRESS_MAX_AGE))


def sign_digest(user_settings: NotificationSettings) -> str:
    return signing.dumps([user_settings.user_id, user_settings.digest], salt=DIGEST_SALT)


def read_digest(token: str) -> Subscription:
    """Raises the same as `read_address`."""
    return Subscription(*signing.loads(token, salt=DIGEST_SALT, max_age=DIGEST_MAX_AGE))


def sign_again(subscription: Subscription) -> str:
    """For subscribing again right after unsubscribing. The link in an old email only unsubscribes."""
    return signing.dumps(subscription, salt=AGAIN_SALT)


def read_again(token: str) -> Subscription:
    """Raises the same as `read_address`."""
    return Subscription(*signing.loads(token, salt=AGAIN_SALT, max_age=AGAIN_MAX_AGE))
