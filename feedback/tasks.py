from __future__ import annotations

import time
from typing import Any

from celery import Task, shared_task

from feedback import exports, notify
from feedback.lesson import runs as lesson
from feedback.topics import export_event, lesson_event
from live.broadcast import broadcast

BULK = 9  # the last priority on Redis: an export waits for all mails


@shared_task(bind=True, ignore_result=False, soft_time_limit=240, time_limit=270)
def export(self: Task, format: str, show: str, user: int = 0) -> dict[str, Any]:
    """Writes an export. How far it is and what came of it stand in the result backend, under the id of this task."""
    task = self.request.id

    def report(done: int, total: int) -> None:
        if exports.cancelled(task):
            raise exports.Cancelled
        self.update_state(state="PROGRESS", meta={"state": exports.RUNNING, "done": done, "total": total})
        broadcast([export_event(task)])

    try:
        report(0, 0)
        rows = exports.write(task, format, show, report)
        result = {"state": exports.DONE, "done": rows, "total": rows, "format": format}
    except exports.Cancelled:
        result = {"state": exports.CANCELLED}
    self.update_state(state="SUCCESS", meta=result)  # before the push, so that whoever hears of it finds it
    broadcast([export_event(task)])
    if result["state"] == exports.DONE:
        notify.export_ready(task, user)
    return result


@shared_task
def delete_old_exports() -> None:
    exports.delete_old()


@shared_task
def send_lesson(run: str, to: str) -> None:
    lesson.send_slowly(to)
    lesson.note(run, sent=time.time())
    broadcast([lesson_event(run)])
