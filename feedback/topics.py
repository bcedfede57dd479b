"""What can be watched live. No frame holds the text of a message: the page fetches its partial again, in the language
and with the permissions of its reader."""

from __future__ import annotations

from collections.abc import Iterable

from core.models import Version
from core.permissions import is_staff
from feedback import exports
from feedback.models import INBOX, Message
from feedback.selectors import confirmation, count, replies_to
from live import topics
from live.topics import LAST_VERSION, Event, event


def receipt_events(**which: object) -> Iterable[Event]:
    """The receipts of the messages with these values."""
    for message in Message.objects.filter(**which).prefetch_related("mails"):
        mail, replies = confirmation(message), replies_to(message)
        data = {"status": mail.status if mail else "received", "read": bool(message.read_at), "replies": len(replies)}
        yield event(f"receipt.{message.token}", message.version, data)


def deleted_event(token: str) -> Event:
    """The receipt of a message that was deleted."""
    return event(f"receipt.{token}", LAST_VERSION, {"gone": True})


def inbox_event() -> Event:
    """Reads the version before the count, so that a later change has a higher version."""
    version = Version.current(INBOX)
    return event("inbox", version, {"new": count("new")})


def message_events(pk: int) -> list[Event]:
    """What a change of this message broadcasts."""
    return [*receipt_events(pk=pk), inbox_event()]


def export_event(task_id: str) -> Event:
    """The final state has the highest version."""
    state = exports.progress(task_id) or {"state": exports.FAILED, "done": 0, "total": 0}
    version = state["done"] + 1 if state["state"] == exports.RUNNING else LAST_VERSION
    return event(f"export.{task_id}", version, {name: state[name] for name in ("state", "done", "total")})


topics.declare(
    "receipt",
    snapshot=lambda keys: receipt_events(token__in=keys),
    allows=lambda visitor, token: Message.objects.filter(token=token).exists(),
)
topics.declare("inbox", snapshot=lambda keys: [inbox_event()], allows=is_staff)
topics.declare("export", snapshot=lambda keys: map(export_event, filter(None, keys)), allows=is_staff)
