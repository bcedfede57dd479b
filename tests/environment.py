"""Loaded before Django's settings: the suite gets a folder and a real embedded server of its own, and nothing else.

Only DATABASE_URL is taken from outside, to run the same suite on PostgreSQL.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

DATA_DIR = Path(tempfile.mkdtemp(prefix="redheart-"))

for name in (
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "EMAIL_URL",
    "DEBUG",
    "VAPID_PRIVATE_KEY",
):
    os.environ.pop(name, None)
if not os.environ.get("DATABASE_URL"):
    os.environ.pop("DATABASE_URL", None)
os.environ["DATA_DIR"] = str(DATA_DIR)
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's sync API runs an event loop in the test's thread
