"""Beat's schedule in the database, and a stop that waits for the statement that beat is at.

Celery's own handler writes the schedule from inside the signal, and closes the connection that is being used. While the
broker is away, Celery would also write a traceback for each entry that is due; here it is a line.
"""

from __future__ import annotations

import logging
import signal
from typing import Any

from celery.beat import ScheduleEntry
from django_celery_beat.schedulers import DatabaseScheduler

log = logging.getLogger(__name__)


class Scheduler(DatabaseScheduler):
    def setup_schedule(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, leave)
        super().setup_schedule()

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            log.warning("%r has to wait for its next turn: %s", entry.name, error)


def leave(*_: Any) -> None:
    """Beat's loop writes the schedule on its way out."""
    raise SystemExit
