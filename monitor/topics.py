"""What staff can watch live. A frame says only that something has changed; the page then fetches its part again."""

from __future__ import annotations

import time

from core.permissions import is_staff
from live import topics
from live.topics import Event, event
from monitor.lessons import state, sync_times
from monitor.lessons.registry import NAMES

newest = 0


def version() -> int:
    """Milliseconds since 1970, but always more than before, also when the clock is set back."""
    global newest
    newest = max(newest + 1, int(time.time() * 1000))
    return newest


def lesson_event(name: str) -> Event:
    return event(f"lessons.{name}", state.read(name).version, {})


def sync_event(run_id: str) -> Event:
    return event(f"sync.{run_id}", len(sync_times.times(run_id)), {})


topics.declare("monitor", snapshot=lambda keys: [event("monitor", version(), {})], allows=is_staff, poll=True)
topics.declare(
    "lessons",
    snapshot=lambda keys: map(lesson_event, filter(NAMES.__contains__, keys)),
    allows=is_staff,
)
topics.declare("sync", snapshot=lambda keys: map(sync_event, filter(None, keys)), allows=is_staff)
