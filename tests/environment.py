"""Loaded before Django's settings: the suite gets a folder and a real embedded server of its own, and nothing else.
A developer's `.env` is not read.

Only DATABASE_URL is taken from outside, to run the same suite on PostgreSQL.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

DATA_DIR = Path(tempfile.mkdtemp(prefix="redheart-"))

for name in re.findall(r"^#? ?([A-Z_]+)=", Path(__file__, "../../.env.example").resolve().read_text(), re.M):
    if name != "DATABASE_URL" or not os.environ.get(name):
        os.environ.pop(name, None)
os.environ["ENV_FILE"] = os.devnull
os.environ["DATA_DIR"] = str(DATA_DIR)
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's sync API runs an event loop in the test's thread
