"""What the reports of all processes say to one that asks about its health."""

from __future__ import annotations

from collections import Counter

from core.processes import reports
from core.release import key_fingerprint, release
from monitor import figures
from monitor.workers import workers

GONE = 20.0  # seconds after which a worker that has not stopped by itself is missed
SETTLED = 600  # seconds that an update may take, while processes of two releases run


def silent_workers() -> str:
    """Those that have ended without a word, until Redis forgets them (`core.processes.EXPIRES`)."""
    names = [worker.name for worker in workers(reports()) if worker.silence > GONE]
    return f"no response from {', '.join(names)}" if names else ""


def workers_by_queue() -> dict[str, int]:
    """How many workers take tasks from each queue."""
    found = Counter(queue for worker in workers(reports()) if worker.answers for queue in worker.data["queues"])
    return dict(sorted(found.items()))


def different_key() -> str:
    """Whoever signed in at this process is signed out at that one."""
    live = [report for report in reports() if report.silence < figures.SILENT]
    others = [report.name for report in live if report.secret_key != key_fingerprint()]
    return f"another SECRET_KEY in {', '.join(others)}" if others else ""


def different_release() -> str:
    """An update that was forgotten somewhere: this code and another have both run for a while."""
    settled = [each for each in reports() if each.silence < figures.SILENT and each.uptime > SETTLED]
    others = sorted(each.name for each in settled if each.release != release())
    return f"another release in {', '.join(others)}" if others and len(others) < len(settled) else ""
