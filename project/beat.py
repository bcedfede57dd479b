"""Beat's schedule in the database, and a stop that waits for the statement that beat is at.

Celery's own handler writes the schedule from inside the signal, and closes the connection that is being used.
"""

from __future__ import annotations

import signal
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler


class Scheduler(DatabaseScheduler):
    def setup_schedule(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, leave)
        super().setup_schedule()


def leave(*_: Any) -> None:
    """Beat's loop writes the schedule on its way out."""
    raise SystemExit
