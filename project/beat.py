"""Beat's scheduler: keeps the schedule in the database and stops only between two SQL statements.

Celery's signal handler would write the schedule inside the handler and close the database connection in the middle of a
statement. The signal `beat_init` comes too late to replace it, because the schedule is set up earlier. While the broker
is away, Celery would log a traceback for each due entry; here it is one line. Of several beats one works and the others
stand by.
"""

from __future__ import annotations

import logging
import signal
import time
from datetime import datetime
from typing import Any

from celery.beat import ScheduleEntry
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from core.beat_lease import BeatLease
from core.migrating import wait_until_migrated
from core.processes import Reporter
from monitor import history

DESCRIPTION = "From project/settings.py: only “enabled” is kept when beat starts again."
STANDBY_INTERVAL = 1.0  # seconds
LOOK_INTERVAL = 2.0  # seconds between two looks whether an entry was changed in the admin
log = logging.getLogger(__name__)


class Scheduler(DatabaseScheduler):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lease, self.standing_by = BeatLease(), True
        self.last_runs: dict[str, float] = {}  # of the entries, in seconds since 1970
        self.reporter = Reporter("beat", lambda: {"last_runs": self.last_runs, "standby": self.standing_by})
        self.next_look = 0.0
        super().__init__(*args, **kwargs)

    def schedule_changed(self) -> bool:
        """django-celery-beat would ask the database three times in each tick, which is half of what beat costs."""
        if time.monotonic() < self.next_look:
            return False
        self.next_look = time.monotonic() + LOOK_INTERVAL
        return bool(super().schedule_changed())

    def adjust(self, n: float, drift: float = 0.0) -> float:
        """Celery would wake up 10 ms before an entry is due, and then tick without a pause until it is."""
        return float(super().adjust(n, drift))

    def setup_schedule(self) -> None:
        """Writes the entries of the settings to the table and deletes those that are no longer in the settings. Entries
        made in the admin are kept, and so is ``enabled`` of every entry."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.default_int_handler)  # ends beat's loop, which then writes the schedule
        try:
            wait_until_migrated()
        except KeyboardInterrupt:
            raise SystemExit from None
        names = list(self.app.conf.beat_schedule)
        PeriodicTask.objects.filter(description=DESCRIPTION).exclude(name__in=names).delete()
        super().setup_schedule()
        PeriodicTask.objects.filter(name__in=names).update(description=DESCRIPTION)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Seconds until the next one. Only the beat that holds the lease enqueues."""
        has_lease = self.lease.hold()
        if has_lease and self.standing_by:
            self._last_full_sync = datetime.min  # reads the entries again, with the runs of the beat before
        self.standing_by = not has_lease
        self.reporter.report_if_due()
        if not has_lease:
            return STANDBY_INTERVAL
        history.sample_if_due()
        self._mend_after_clock_step()
        return super().tick(*args, **kwargs)

    def close(self) -> None:
        super().close()
        self.lease.release()

    def _mend_after_clock_step(self) -> None:
        """An entry whose last run lies in the future would not run until then: the clock has been set back. Celery
        also orders its entries by the time of day, so that order is made anew."""
        now = self.app.now()
        ahead = [entry for entry in self.schedule.values() if entry.last_run_at > now]
        for entry in ahead:
            entry.last_run_at = entry.model.last_run_at = now
        if ahead:
            self._heap = None

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        if not self.lease.is_held():  # this took so long that it has ended
            return
        try:
            self.apply_async(entry, producer=producer, advance=False)
            self.last_runs[entry.name] = time.time()
        except Exception as error:
            log.warning("could not enqueue %r, next try when it is due again: %s", entry.name, error)
