"""The email backend of development: each email becomes a file in DATA_DIR/mail, which staff read in the browser."""

from __future__ import annotations

import email
import re
import time
from collections.abc import Sequence
from email.message import EmailMessage as Parsed
from email.policy import default
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

FILE_NAME = re.compile(r"[0-9]{19}-[A-Za-z0-9_-]{1,80}\.eml")
MAX_LISTED = 100


class EmailBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder().mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            self._write(message)
        return len(email_messages)

    def _write(self, message: EmailMessage) -> None:
        """Renames the file when it is complete, so that no page shows half an email."""
        content = message.message()
        identity = re.sub(r"[^A-Za-z0-9_-]", "", str(content["Message-ID"]).split("@")[0])[:80]
        path = folder() / f"{time.time_ns():019}-{identity}.eml"
        path.with_suffix(".part").write_bytes(content.as_bytes())
        path.with_suffix(".part").rename(path)


def folder() -> Path:
    return Path(settings.DATA_DIR) / "mail"


def in_use() -> bool:
    """True if emails become files instead of being sent."""
    return bool(settings.SLOW_MAIL) or settings.EMAIL_BACKEND.startswith("feedback.")


def latest() -> list[tuple[str, Parsed]]:
    names = sorted((path.name for path in folder().glob("*.eml") if FILE_NAME.fullmatch(path.name)), reverse=True)
    return [(name, read(name)) for name in names[:MAX_LISTED]]


def read(name: str) -> Parsed:
    """Raises `FileNotFoundError` for a name that is not one of our files."""
    if not FILE_NAME.fullmatch(name):
        raise FileNotFoundError(name)
    return email.message_from_bytes((folder() / name).read_bytes(), policy=default)
