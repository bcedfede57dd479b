"""What identifies a page of a site: its canonical URL, or a name that the tag gives it."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from w3lib.url import canonicalize_url, url_query_cleaner

from embed.models import MAX_KEY

# Parameters that say where a visitor came from, not what they see.
TRACKING = (
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id"),
    *("fbclid", "gclid", "gbraid", "wbraid", "dclid", "msclkid", "twclid", "ttclid", "igshid", "yclid", "li_fat_id"),
    *("mc_cid", "mc_eid", "_hsenc", "_hsmi", "mkt_tok", "NaPm"),
)


class BadKey(ValueError):
    """The tag or the page must be changed."""


def origin_of(url: str) -> str:
    """``https://blog.example`` of ``https://Blog.example/a``. Empty if the text is no web address."""
    try:
        parts = urlsplit(url.strip())
        has_host = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}" if has_host else ""


def page_key(text: str) -> str:
    """The key of a page. Of a web address its canonical form, without fragment and tracking parameters. Raises `BadKey`
    for a text that is empty, too long or no text."""
    key = canonical(text) if "://" in text else text.strip()
    if not key or len(key) > MAX_KEY or not key.isprintable():
        raise BadKey(f"The key of a page has 1 to {MAX_KEY} characters.")
    return key


def canonical(url: str) -> str:
    try:
        return str(canonicalize_url(url_query_cleaner(url.strip(), TRACKING, remove=True, unique=False)))
    except ValueError as error:
        raise BadKey("This is no web address.") from error


def is_url(key: str) -> bool:
    return "://" in key


def digest(site_id: int, key: str) -> str:
    """What the key of a page is looked up by: short, and valid in the name of a live topic."""
    return f"{site_id}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
