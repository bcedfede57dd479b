from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from celery import Task, shared_task

from feedback import exports, notify
from feedback.delivery import deliver
from feedback.lesson import runs as lesson
from feedback.outbox import Mail
from feedback.topics import export_event, lesson_event, news
from live.broadcast import push

BATCH = 100  # mails that beat asks for at once
BULK = 9  # the last priority on Redis: an export waits for all mails
log = logging.getLogger(__name__)


def ask(mails: Iterable[Mail]) -> bool:
    """Asks the worker to send these. Never raises: beat finds whatever is owed. False: Redis is unwell."""
    try:
        for mail in mails:
            send_mail.apply_async([mail.pk], priority=mail.priority)
            mail.asked()
    except Exception as error:
        log.warning("the mail worker could not be asked, beat will: %r", error)
        return False
    return True


@shared_task
def send_mail(pk: int) -> None:
    """Sends a mail, if it is still owed. It may be lost, doubled or run twice at once."""
    mail = Mail.claim(pk)
    if mail:
        push(news(mail.message_id))
        deliver(mail)
        push(news(mail.message_id))


@shared_task
def send_owed_mail() -> None:
    """Ends the tries of dead workers and asks for whatever is owed and not asked for lately."""
    for mail in Mail.expire():
        push(news(mail.message_id))
    ask(Mail.unasked()[:BATCH])


@shared_task(bind=True, ignore_result=False, soft_time_limit=240, time_limit=270)
def export(self: Task, kind: str, show: str, user: int = 0) -> dict[str, Any]:
    """Writes an export. How far it is and what came of it stand in the result backend, under the id of this task."""
    task = self.request.id

    def report(done: int, total: int) -> None:
        if exports.cancelled(task):
            raise exports.Cancelled
        self.update_state(state="PROGRESS", meta={"state": exports.RUNNING, "done": done, "total": total})
        push([export_event(task)])

    try:
        report(0, 0)
        rows = exports.write(task, kind, show, report)
        result = {"state": exports.DONE, "done": rows, "total": rows, "kind": kind}
    except exports.Cancelled:
        result = {"state": exports.CANCELLED}
    self.update_state(state="SUCCESS", meta=result)  # before the push, so that whoever hears of it finds it
    push([export_event(task)])
    if result["state"] == exports.DONE:
        notify.export_ready(task, user)
    return result


@shared_task
def forget_exports() -> None:
    exports.forget()


@shared_task
def send_lesson(run: str, to: str) -> None:
    lesson.send_slowly(to)
    lesson.note(run, sent=time.time())
    push([lesson_event(run)])
