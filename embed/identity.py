"""Who sends a message, as the site knows them: a user id that the server of the site has signed with its secret."""

from __future__ import annotations

import hashlib
import hmac

from embed.models import Site

MAX_USER = 200  # characters


def sign(secret: str, user: str) -> str:
    """Hex HMAC-SHA256, as the server of the site makes it."""
    return hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()


def verified_user(site_id: int, user: str, signature: str) -> str:
    """The user id if the signature is that of the site, else an empty text: the sender is anonymous."""
    if not (user and signature) or len(user) > MAX_USER or not user.isprintable():
        return ""
    secret = Site.objects.values_list("secret", flat=True).filter(pk=site_id).first()
    is_valid = bool(secret) and hmac.compare_digest(sign(str(secret), user).encode(), signature.encode())
    return user if is_valid else ""
