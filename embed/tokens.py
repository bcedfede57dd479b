"""The token that the tag keeps in the localStorage of the embedding page: who the visitor is on this site, signed.

It is worthless on any other site, so nobody can be followed from one to another.
"""

from __future__ import annotations

from django.core.signing import BadSignature, TimestampSigner
from django.utils.crypto import salted_hmac

from core.visitors import YEAR

signer = TimestampSigner(salt="redheart.embed")


def issue(site_id: int, visitor: str) -> str:
    return signer.sign(f"{site_id}.{visitor}")


def read(site_id: int, token: str) -> str | None:
    """The visitor key in a token. None if it is missing, forged, of another site or more than a year old."""
    try:
        site, _, visitor = signer.unsign(token, max_age=YEAR).partition(".")
    except BadSignature:
        return None
    return visitor if site == str(site_id) else None


def of_account(site_id: int, account: str) -> str:
    """The visitor key of an account of the site itself, for likes through the API: a keyed hash, from which the account
    cannot be read."""
    return "v" + salted_hmac("redheart.api", f"{site_id} {account}", algorithm="sha256").hexdigest()[:30]


def without_script(site_id: int, address: str, agent: str) -> str:
    """The visitor key of who likes without JavaScript, and so without a token: the same for the same browser in the
    same network. A keyed hash, from which neither can be read."""
    return "v" + salted_hmac("redheart.embed", f"{site_id} {address} {agent}", algorithm="sha256").hexdigest()[:16]
