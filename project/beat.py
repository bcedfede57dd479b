"""Beat's scheduler: keeps the schedule in the database and stops only between two SQL statements.

Celery's signal handler would write the schedule inside the handler and close the database connection in the middle of a
statement. The signal `beat_init` comes too late to replace it, because the schedule is set up earlier. While the broker
is away, Celery would log a traceback for each due entry; here it is one line.
"""

from __future__ import annotations

import logging
import signal
from typing import Any

from celery.beat import ScheduleEntry
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

DESCRIPTION = "From project/settings.py: only “enabled” is kept when beat starts again."
log = logging.getLogger(__name__)


class Scheduler(DatabaseScheduler):
    def setup_schedule(self) -> None:
        """Writes the entries of the settings to the table and deletes those that are no longer in the settings. Entries
        made in the admin are kept, and so is ``enabled`` of every entry."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.default_int_handler)  # ends beat's loop, which then writes the schedule
        names = list(self.app.conf.beat_schedule)
        PeriodicTask.objects.filter(description=DESCRIPTION).exclude(name__in=names).delete()
        super().setup_schedule()
        PeriodicTask.objects.filter(name__in=names).update(description=DESCRIPTION)

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            log.warning("could not enqueue %r, next try when it is due again: %s", entry.name, error)
