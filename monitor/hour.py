"""The charts of the last hour."""

from __future__ import annotations

import time

from django.utils.translation import gettext as _

from core import metrics
from core.metrics import Counts
from monitor.charts import Chart, Series, chart
from monitor.queues import Waiting

MIN_SECONDS = 10  # of the current minute: sooner, its rate would say nothing


def charts(minutes: list[Counts], waiting: list[Waiting]) -> list[Chart]:
    """``minutes`` are those of `metrics.last_hour`."""
    names = {"likes_accepted": _("Accepted"), "likes_settled": _("Saved"), "broadcast_events": _("Broadcast")}
    times = {"click_saved": _("Click to saved"), "click_shown": _("Click to shown")}
    percentiles = [(name, label, share) for name, label in times.items() for share in (50, 95)]
    rates = [_rates(minutes, name, label) for name, label in names.items()]
    clicks = [_times(minutes, *each) for each in percentiles]
    waits = [_oldest(minutes, queue) for queue in waiting]
    like = _("No likes in the last hour. Like a post in the feed.")
    idle = _("Nothing has had to wait in the last hour.")
    return [
        chart(_("Likes"), _("per second"), rates, empty=like),
        chart(_("Time of a click"), "ms", clicks, empty=like),
        chart(_("Oldest wait"), "s", waits, empty=idle),
    ]


def _rates(minutes: list[Counts], name: str, label: str) -> Series:
    numbers = [minute.get(name, 0) for minute in minutes]
    elapsed = time.time() % 60
    rates = [number / 60 for number in numbers[:-1]] + [numbers[-1] / max(elapsed, MIN_SECONDS)]
    now = (numbers[-1] + numbers[-2] * (60 - elapsed) / 60) / 60  # the last 60 seconds
    return Series(label, rates, now)


def _times(minutes: list[Counts], name: str, label: str, share: int) -> Series:
    hour = Counts()
    for minute in minutes:
        for field, number in minute.items():
            hour[field] = hour.get(field, 0) + number
    values = [_milliseconds(minute, name, share) for minute in minutes]
    return Series(f"{label}, p{share}", values, _milliseconds(hour, name, share))


def _milliseconds(counts: Counts, name: str, share: int) -> float | None:
    seconds = metrics.percentile(counts, name, share / 100)
    return None if seconds is None else seconds * 1000


def _oldest(minutes: list[Counts], queue: Waiting) -> Series:
    found = [minute.get(f"oldest:{queue.name}") for minute in minutes]
    return Series(queue.name, [None if us is None else us / 1e6 for us in found], queue.oldest.total_seconds())
