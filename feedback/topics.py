"""What of feedback can be watched. A frame says that something has changed, never what somebody wrote: the page fetches
its own part anew, in its reader's language and with its reader's rights."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Max

from core.permissions import is_staff
from feedback import exports
from feedback.lesson import runs as lesson
from feedback.models import Mail, Message
from live import topics
from live.topics import LAST_VERSION, Event, event


def receipt_event(message: Message) -> Event:
    mails = Mail.objects.filter(message=message).values_list("type", "status")
    status = next((status for type, status in mails if type == Mail.Type.CONFIRMATION), "received")
    replies = sum(type == Mail.Type.REPLY for type, _ in mails)
    data = {"status": status, "read": bool(message.read_at), "replies": replies}
    return event(f"receipt.{message.token}", message.version, data)


def inbox_event() -> Event:
    """The version first: whatever is committed after it comes with a later one."""
    version = Message.objects.aggregate(last=Max("version"))["last"] or 0
    return event("inbox", version, {"new": Message.objects.filter(read_at=None, archived_at=None, spam=False).count()})


def message_events(pk: int) -> list[Event]:
    """What those who watch this message should hear."""
    message = Message.objects.filter(pk=pk).first()
    return [receipt_event(message), inbox_event()] if message else [inbox_event()]


def export_event(task: str) -> Event:
    """Final states come last, whatever was reported before them."""
    known = exports.progress(task) or {"state": exports.FAILED, "done": 0, "total": 0}
    version = known["done"] + 1 if known["state"] == exports.RUNNING else LAST_VERSION
    return event(f"export.{task}", version, {name: known[name] for name in ("state", "done", "total")})


def lesson_event(run: str) -> Event:
    return event(f"lesson.{run}", len(lesson.times(run)), {})


def receipts(keys: list[str]) -> Iterable[Event]:
    return map(receipt_event, Message.objects.filter(token__in=keys))


def holds_token(visitor: str | None, key: str) -> bool:
    return Message.objects.filter(token=key).exists()


topics.declare("receipt", snapshot=receipts, allows=holds_token)
topics.declare("inbox", snapshot=lambda keys: [inbox_event()], allows=is_staff)
topics.declare("export", snapshot=lambda keys: map(export_event, keys), allows=is_staff)
topics.declare("lesson", snapshot=lambda keys: map(lesson_event, keys), allows=is_staff)
