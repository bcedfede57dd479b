"""The private VAPID key, which identifies this site to push services. ``python -m project.vapid`` prints a new one.

It is the private number of a P-256 key, 32 bytes as base64url, as most web push tools have it.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (SP 800-186, 3.2.1.3)


def new_key() -> str:
    number = secrets.randbelow(ORDER - 1) + 1
    return urlsafe_b64encode(number.to_bytes(32)).decode().rstrip("=")


def is_valid(key: str) -> bool:
    try:
        raw = urlsafe_b64decode(key + "=")
    except ValueError:
        return False
    return len(raw) == 32 and 0 < int.from_bytes(raw) < ORDER


if __name__ == "__main__":
    print(new_key())
