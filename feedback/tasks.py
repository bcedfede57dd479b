from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import Task, shared_task
from django.conf import settings
from django.utils import timezone

from core.deletion import delete_in_steps
from core.models import Version
from feedback import dev_mailbox, exports, notify, selectors
from feedback.models import INBOX, Rating
from feedback.topics import export_event, inbox_event
from live.broadcast import broadcast

EXPORT_PRIORITY = 9  # the lowest on Redis: all emails come first


@shared_task(bind=True, ignore_result=False, soft_time_limit=240, time_limit=270)
def export(self: Task, format: str, show: str, user_id: int = 0) -> dict[str, Any]:
    """Writes an export. Its progress and result are in the result backend, under the id of this task."""
    task_id = self.request.id

    def report(done: int, total: int) -> None:
        if exports.is_cancelled(task_id):
            raise exports.Cancelled
        self.update_state(state="PROGRESS", meta={"state": exports.RUNNING, "done": done, "total": total})
        broadcast([export_event(task_id)])

    try:
        report(0, 0)
        rows = exports.write(task_id, format, show, report)
        result = {"state": exports.DONE, "done": rows, "total": rows, "format": format}
    except exports.Cancelled:
        result = {"state": exports.CANCELLED}
    self.update_state(state="SUCCESS", meta=result)  # before the broadcast: pages fetch it then
    broadcast([export_event(task_id)])
    if result["state"] == exports.DONE:
        notify.export_ready(task_id, user_id)
    return result


@shared_task
def delete_old_exports() -> None:
    exports.delete_old()


@shared_task
def delete_old_messages() -> None:
    """Beat, once a day: deletes spam, archived messages, votes and captured emails when they are old."""
    dev_mailbox.delete_old()
    if settings.KEEP_RATINGS_DAYS:
        before = timezone.now() - timedelta(days=settings.KEEP_RATINGS_DAYS)
        delete_in_steps(Rating.objects.filter(rated_at__lt=before))
    spam, archived = timedelta(days=settings.KEEP_SPAM_DAYS), timedelta(days=settings.KEEP_FEEDBACK_DAYS)
    if delete_in_steps(selectors.old(spam=spam, archived=archived)):
        Version.increase(INBOX)
        broadcast([inbox_event()])
