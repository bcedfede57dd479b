"""The live topic ``monitor``. Its frames say only that time has passed; the page then fetches its part again."""

from __future__ import annotations

import time

from core.permissions import is_staff
from live import topics
from live.topics import event

newest = 0


def version() -> int:
    """Milliseconds since 1970, but always more than before, also when the clock is set back."""
    global newest
    newest = max(newest + 1, int(time.time() * 1000))
    return newest


topics.declare("monitor", snapshot=lambda keys: [event("monitor", version(), {})], allows=is_staff, poll=True)
