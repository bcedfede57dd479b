"""Short texts by which processes compare their code and their SECRET_KEY, without saying either."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.utils.crypto import salted_hmac

LENGTH = 12  # hexadecimal digits


@cache
def release() -> str:
    """The digest of the source files that this process has started with."""
    found = hashlib.sha256()
    for folder in sorted({settings.BASE_DIR / "project", *_apps()}):
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".html")):
            found.update(str(path.relative_to(settings.BASE_DIR)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:LENGTH]


def _apps() -> list[Path]:
    """The folders of our apps, not those of packages."""
    folders = [Path(app.path) for app in apps.get_app_configs()]
    return [folder for folder in folders if folder.parent == settings.BASE_DIR]


def key_fingerprint() -> str:
    """An HMAC with the SECRET_KEY, which is long and random, so that the key cannot be guessed from it."""
    return salted_hmac("redheart.fingerprint", "", algorithm="sha256").hexdigest()[:LENGTH]
