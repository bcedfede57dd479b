"""Reads settings from the environment and from `.env`. What is wrong or unsafe raises `ImproperlyConfigured` with a
sentence that says what to set."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from project import vapid

BASE_DIR = Path(__file__).resolve().parent.parent
FILE = Path(os.environ.get("ENV_FILE") or BASE_DIR / ".env")
MIN_TOKEN = 16  # characters
YES, NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
LOCAL_HOSTS = {"localhost", ".localhost", "127.0.0.1", "[::1]", "testserver"}
SMTP = "outbox.smtp.EmailBackend"
# Of Chrome, Edge, Opera and Samsung; of Firefox; of Safari; of Edge on Windows.
PUSH_SERVICES = ["fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com"]
PORTS = {"smtp": 25, "smtps": 587, "smtp+tls": 587, "smtp+ssl": 465, "submission": 587}  # defaults

environ.Env.read_env(FILE)  # the environment takes precedence over the file


def text(name: str, default: str = "") -> str:
    """The value unchanged; an empty one counts as not set. (`environ.Env.str` would replace `$KEY`.)"""
    return os.environ.get(name) or default


def flag(name: str, default: bool) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value not in YES | NO:
        raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")
    return value in YES


def number(name: str, default: int, *, minimum: int = 0, maximum: int = 10_000) -> int:
    value = text(name, str(default))
    if not value.isdecimal() or not minimum <= int(value) <= maximum:
        raise ImproperlyConfigured(f"{name} must be a whole number from {minimum} to {maximum}, not {value!r}.")
    return int(value)


def choice(name: str, *values: str, default: str) -> str:
    """One of these values, in lower case."""
    value = text(name, default).lower()
    if value not in values:
        raise ImproperlyConfigured(f"{name} must be {', '.join(values[:-1])} or {values[-1]}, not {value!r}.")
    return value


def items(name: str) -> list[str]:
    """The items of a list with commas."""
    return [item.strip() for item in text(name).split(",") if item.strip()]


def database(url: str, *, data_dir: Path) -> dict[str, Any]:
    """The entry of DATABASES: PostgreSQL or SQLite. Without a URL, a SQLite file in DATA_DIR."""
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": data_dir / "redheart.sqlite3"}
    if urlsplit(url).scheme not in ("postgres", "postgresql", "sqlite"):
        raise ImproperlyConfigured("DATABASE_URL must look like postgres://user:password@host/name or sqlite:////path.")
    try:
        return environ.Env.db_url_config(url)
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}.") from error


def postgres_options(options: dict[str, Any], *, limited: bool) -> dict[str, Any]:
    """The options of a connection, with those in the URL, which come first. No connection, lock, statement or idle
    transaction lasts for ever, and a connection that is dead without being closed ends after 15 seconds."""
    limits = {"lock_timeout": "2s", "statement_timeout": "15s", "idle_in_transaction_session_timeout": "15s"}
    defaults = {
        "connect_timeout": 5,  # seconds
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 15_000,  # milliseconds
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()) if limited else "",
    }
    return defaults | options


def is_web_process(arguments: list[str]) -> bool:
    """Whether this command line starts a web server: it names our ASGI application, or is ``manage.py runserver``."""
    return "runserver" in arguments or any(word.startswith("project.asgi") for word in arguments)


def secret_key(value: str, *, debug: bool, data_dir: Path) -> str:
    """The key that signs session and visitor cookies. In development one is made and kept in DATA_DIR."""
    if not debug and (len(value) < 50 or len(set(value)) < 10):
        raise ImproperlyConfigured("SECRET_KEY must be set to at least 50 random characters when DEBUG is 0.")
    return value or _created_once(data_dir / "secret_key", lambda: secrets.token_urlsafe(50))


def vapid_key(value: str, *, debug: bool, data_dir: Path) -> str:
    """The key that signs web pushes. In development one is made and kept in DATA_DIR. Without one, web push is not
    offered."""
    key = value or (_created_once(data_dir / "vapid_key", vapid.new_key) if debug else "")
    if key and not vapid.is_valid(key):
        raise ImproperlyConfigured("VAPID_PRIVATE_KEY is not a key: `python -m project.vapid` prints one.")
    return key


def check_hosts(allowed: list[str], *, debug: bool) -> None:
    """Checks ALLOWED_HOSTS: no public host with DEBUG, whose error pages reveal too much, and no * without it."""
    if debug and (public := set(allowed) - LOCAL_HOSTS):
        raise ImproperlyConfigured(f"DEBUG=1 answers on this machine only: remove {sorted(public)} or set DEBUG=0.")
    wide = [host for host in allowed if host == "*" or (host.startswith(".") and "." not in host[1:])]
    if not debug and (wide or not allowed):
        raise ImproperlyConfigured("ALLOWED_HOSTS must name this site's hosts, without * or .com, when DEBUG is 0.")


def private_folder(folder: Path, *, debug: bool) -> None:
    """Creates the folder for its owner alone: it holds password hashes, keys and emails. A production site refuses one
    that other users of the machine can read."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"DATA_DIR cannot be created: {error}.") from error
    if not debug and folder.stat().st_mode & 0o077:
        raise ImproperlyConfigured(f"DATA_DIR can be read by other users of this machine: run chmod 700 {folder}.")


def check_listen(host: str, *, debug: bool) -> None:
    """With DEBUG only this machine may reach the site: its error pages reveal too much."""
    if debug and host not in ("127.0.0.1", "localhost", "::1"):
        raise ImproperlyConfigured(
            f"DEBUG=1 listens on this machine only, not on {host}: set DEBUG=0 or LISTEN=127.0.0.1."
        )


def site_url(value: str, *, debug: bool) -> str:
    if not debug and urlsplit(value).scheme != "https":
        raise ImproperlyConfigured("SITE_URL must start with https:// when DEBUG is 0: links in emails lead there.")
    if not urlsplit(value).netloc:
        raise ImproperlyConfigured("SITE_URL must look like https://redheart.example.")
    return with_scheme("SITE_URL", value, "http", "https").rstrip("/")


def with_scheme(name: str, value: str, *schemes: str) -> str:
    """The URL unchanged. Refused if it starts with none of these schemes."""
    if urlsplit(value).scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must start with one of {', '.join(f'{s}://' for s in schemes)}.")
    return value


def redis_url(name: str, default: str, *other_schemes: str) -> str:
    """The URL of a Redis, or one with another scheme. For ``rediss://`` the certificate is checked unless the URL says
    something else. Celery, redis-py and channels_redis all understand ``ssl_cert_reqs`` as it is written here."""
    return _with_certificate(with_scheme(name, text(name, default), "redis", "rediss", *other_schemes))


def redis_urls(name: str) -> list[str]:
    """The URLs in a list with commas."""
    return [_with_certificate(with_scheme(name, url, "redis", "rediss", "unix")) for url in items(name)]


def _with_certificate(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        return url
    query = dict(parse_qsl(parts.query))
    required = query.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    return parts._replace(query=urlencode(query | {"ssl_cert_reqs": required})).geturl()


def hosts(name: str) -> list[str]:
    """Host names, each with a port or without."""
    found = [item.lower() for item in items(name)]
    if wrong := [host for host in found if not re.fullmatch(r"[a-z0-9.-]+(:[0-9]{1,5})?", host)]:
        raise ImproperlyConfigured(f"{name} must be host names, like push.example, not {wrong[0]!r}.")
    return found


def networks(name: str, default: str = "") -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(value) for value in items(name) or default.split()]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be addresses or networks, like 10.0.0.0/8: {error}.") from error


def token(name: str) -> str:
    """Something that nobody can guess; empty if it is not set."""
    value = text(name)
    if value and len(value) < MIN_TOKEN:
        raise ImproperlyConfigured(f"{name} must have at least {MIN_TOKEN} characters.")
    return value


def email(url: str, *, debug: bool) -> dict[str, Any]:
    """Django's mail settings from EMAIL_URL. In development without a URL, emails are kept in the database."""
    if not url and not debug:
        raise ImproperlyConfigured(
            "EMAIL_URL must be set when DEBUG is 0, for example submission://user:password@host."
        )
    if not url:
        return {"EMAIL_BACKEND": "feedback.dev_mailbox.EmailBackend"}
    scheme = urlsplit(url).scheme
    if scheme not in PORTS or not urlsplit(url).hostname:
        raise ImproperlyConfigured("EMAIL_URL must look like smtp://user:password@host:25 or submission://…:587.")
    try:
        parsed = environ.Env.email_url_config(url.replace("submission://", "smtp+tls://"))
    except ValueError as error:
        raise ImproperlyConfigured(f"EMAIL_URL cannot be read: {error}.") from error
    return parsed | {"EMAIL_BACKEND": SMTP, "EMAIL_PORT": parsed["EMAIL_PORT"] or PORTS[scheme]}


def sender(value: str) -> str:
    """One plain address: the From of every mail; its domain is in every Message-ID."""
    try:
        validate_email(value)
    except ValidationError as error:
        raise ImproperlyConfigured("FEEDBACK_FROM must be an email address, like support@example.com.") from error
    return value


def _created_once(path: Path, make: Callable[[], str]) -> str:
    """The content of a file that only this user can read. The first process creates it; processes that start at the
    same time get the same content."""
    if not path.exists():
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.touch(mode=0o600)
        temporary.write_text(make())
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
        temporary.unlink()
    return path.read_text()
