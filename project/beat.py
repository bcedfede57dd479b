"""Beat's schedule in the database, and a stop that waits for the statement that beat is at.

Celery's own signal handler writes the schedule from inside the signal, and closes the connection that is being used.
Celery's `beat_init` would be too late to replace it, because the schedule is set up before. While the broker is away,
Celery would also write a traceback for each entry that is due; here it is a line.
"""

from __future__ import annotations

import logging
import signal
from typing import Any

from celery.beat import ScheduleEntry
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

DECLARED = "From project/settings.py: only “enabled” is kept when beat starts again."
log = logging.getLogger(__name__)


class Scheduler(DatabaseScheduler):
    def setup_schedule(self) -> None:
        """Writes the entries of the settings to the table and deletes those that the settings no longer have.

        Entries that were made in the admin stay; so does ``enabled`` of all.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, leave)
        names = list(self.app.conf.beat_schedule)
        PeriodicTask.objects.filter(description=DECLARED).exclude(name__in=names).delete()
        super().setup_schedule()
        PeriodicTask.objects.filter(name__in=names).update(description=DECLARED)

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            log.warning("%r has to wait for its next turn: %s", entry.name, error)


def leave(*_: Any) -> None:
    """Beat's loop writes the schedule on its way out."""
    raise SystemExit
