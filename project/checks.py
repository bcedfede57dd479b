"""Values from the environment, made safe or refused with a sentence that says what to set."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_email_url
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from project import vapid

LOCAL = {"localhost", ".localhost", "127.0.0.1", "[::1]", "testserver"}
MAIL = ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "EMAIL_USE_TLS", "EMAIL_USE_SSL")


def secret_key(value: str, *, debug: bool, data_dir: Path) -> str:
    """The key that signs sessions and visitors. Development makes one and keeps it in DATA_DIR."""
    if not debug and len(value) < 50:
        raise ImproperlyConfigured("SECRET_KEY must be set to at least 50 random characters when DEBUG is 0.")
    if value:
        return value
    return _kept(data_dir / "secret_key", lambda: secrets.token_urlsafe(50))


def vapid_key(value: str, *, debug: bool, data_dir: Path) -> str:
    """The key that signs web pushes. Development makes one and keeps it in DATA_DIR; empty: nobody is offered any."""
    key = value or (_kept(data_dir / "vapid_key", vapid.new) if debug else "")
    if key and not vapid.valid(key):
        raise ImproperlyConfigured("VAPID_PRIVATE_KEY is not a key: `python -m project.vapid` prints one.")
    return key


def hosts(allowed: list[str], *, debug: bool) -> None:
    """Debug pages never reach a public name; a production site names its hosts."""
    if debug and (public := set(allowed) - LOCAL):
        raise ImproperlyConfigured(f"DEBUG=1 answers on this machine only: remove {sorted(public)} or set DEBUG=0.")
    if not debug and (not allowed or "*" in allowed):
        raise ImproperlyConfigured("ALLOWED_HOSTS must name this site's hosts, without *, when DEBUG is 0.")


def site_url(value: str) -> str:
    if not urlsplit(value).netloc:
        raise ImproperlyConfigured("SITE_URL must look like https://redheart.example.")
    return _scheme("SITE_URL", value, ("http", "https")).rstrip("/")


def networks(values: list[str]) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(value) for value in values]
    except ValueError as error:
        raise ImproperlyConfigured(f"OUTSIDE_ALLOW must be addresses or networks, like 10.0.0.0/8: {error}.") from error


def redis_url(value: str) -> str:
    return _scheme("REDIS_URL", value, ("redis", "rediss", "unix"))


def broker_url(value: str) -> str:
    return _scheme("CELERY_BROKER_URL", value, ("redis", "rediss", "redis+socket", "amqp", "amqps"))


def email(url: str) -> dict[str, Any]:
    """How to send mail, from EMAIL_URL; without one there is the mailbox of development."""
    if not url:
        return dict.fromkeys(MAIL, "") | {"EMAIL_BACKEND": "feedback.mailbox.EmailBackend"}
    parsed = dj_email_url.parse(url) if urlsplit(url).hostname else {}
    if not str(parsed.get("EMAIL_BACKEND")).endswith("smtp.EmailBackend"):
        raise ImproperlyConfigured("EMAIL_URL must look like smtp://user:password@host:25 or submission://…:587.")
    return parsed


def sender(value: str) -> str:
    """An address alone: it stands in the From of every mail and ends every Message-ID."""
    try:
        validate_email(value)
    except ValidationError as error:
        raise ImproperlyConfigured("FEEDBACK_FROM must be an email address, like support@example.com.") from error
    return value


def _kept(path: Path, make: Callable[[], str]) -> str:
    """What was made at the first start, the same for all processes that start at once, and for nobody else to read."""
    if not path.exists():
        mine = path.with_suffix(f".{os.getpid()}")
        mine.touch(mode=0o600)
        mine.write_text(make())
        with suppress(FileExistsError):
            path.hardlink_to(mine)
        mine.unlink()
    return path.read_text()


def _scheme(name: str, value: str, schemes: tuple[str, ...]) -> str:
    if urlsplit(value).scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must start with one of {', '.join(f'{s}://' for s in schemes)}.")
    return value
