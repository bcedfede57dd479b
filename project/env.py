"""Settings from the environment and from `.env`, made safe or refused with a sentence that says what to set."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from project import vapid

ROOT = Path(__file__).resolve().parent.parent
FILE = Path(os.environ.get("ENV_FILE") or ROOT / ".env")
YES, NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
LOCAL = {"localhost", ".localhost", "127.0.0.1", "[::1]", "testserver"}
MAIL = ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "EMAIL_USE_TLS", "EMAIL_USE_SSL")
SMTP = "django.core.mail.backends.smtp.EmailBackend"
PORTS = {"smtp": 25, "smtps": 587, "smtp+tls": 587, "smtp+ssl": 465, "submission": 587}  # when EMAIL_URL names none

environ.Env.read_env(FILE)  # sets only what the environment does not set already


def text(name: str, default: str = "") -> str:
    """The value as it is; an empty one counts as not set. (`environ.Env.str` takes `$KEY` for another variable.)"""
    return os.environ.get(name) or default


def flag(name: str, default: bool) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value not in YES | NO:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")
    return value in YES


def number(name: str, default: int, *, least: int = 0, most: int = 10_000) -> int:
    value = text(name, str(default))
    if not value.isdecimal() or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
    return int(value)


def items(name: str) -> list[str]:
    """What stands between commas."""
    return [item.strip() for item in text(name).split(",") if item.strip()]


def database(url: str, *, data_dir: Path) -> dict[str, Any]:
    """Where Django finds its database: PostgreSQL or SQLite, without a URL a SQLite file in DATA_DIR."""
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": data_dir / "redheart.sqlite3"}
    if urlsplit(url).scheme not in ("postgres", "postgresql", "sqlite"):
        raise ImproperlyConfigured("DATABASE_URL must look like postgres://user:password@host/name or sqlite:////path.")
    try:
        return environ.Env.db_url_config(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}.") from error


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
    """How to send mail, from EMAIL_URL; without one mails are kept as files, for development."""
    if not url:
        return dict.fromkeys(MAIL, "") | {"EMAIL_BACKEND": "feedback.dev_mailbox.EmailBackend"}
    scheme = urlsplit(url).scheme
    if scheme not in PORTS or not urlsplit(url).hostname:
        raise ImproperlyConfigured("EMAIL_URL must look like smtp://user:password@host:25 or submission://…:587.")
    try:
        parsed = environ.Env.email_url_config(url.replace("submission://", "smtp+tls://"))
    except ValueError as error:
        raise ImproperlyConfigured(f"EMAIL_URL cannot be read: {error}.") from error
    found = {name: parsed.get(name) or "" for name in MAIL}
    return found | {"EMAIL_BACKEND": SMTP, "EMAIL_PORT": parsed["EMAIL_PORT"] or PORTS[scheme]}


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
