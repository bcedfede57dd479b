"""The private VAPID key, which identifies this site to push services. ``python -m project.vapid`` prints a new one.

It is the private number of a P-256 key, 32 bytes as base64url, as most web push tools have it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric import ec


def new_key() -> str:
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return urlsafe_b64encode(number.to_bytes(32)).decode().rstrip("=")


def is_valid(key: str) -> bool:
    try:
        raw = urlsafe_b64decode(key + "=")
        ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1())
    except ValueError:
        return False
    return len(raw) == 32


if __name__ == "__main__":
    print(new_key())
