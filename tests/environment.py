"""Loaded before Django's settings: gives the suite its own DATA_DIR and removes all settings of the developer. Only
DATABASE_URL is kept, to run the suite on PostgreSQL.
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
