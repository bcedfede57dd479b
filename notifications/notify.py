"""`notify`, the one way into the bell. It costs one query for a whole batch of entries, whoever they are for, and
belongs into the transaction of what has caused them; what it returns is pushed after the commit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from live.topics import Event
from notifications.bell import bell_event
from notifications.models import Loud
from notifications.tasks import enqueue_fan_out


class Entry(NamedTuple):
    recipient: int
    kind: str
    subject: str
    period: str = ""
    change: int = 1  # of the number of entries in the group; less than 0 takes some back
    loud: Loud = Loud.ALWAYS


# "others" are the recipient's rows that this statement leaves alone, so that the databases agree on them: PostgreSQL
# shows a subquery the rows as they were, SQLite as they become. With the rows themselves they are the whole bell. They
# are counted with the first row of each recipient only: with every row, a batch would cost the square of its length.
UPSERT = """
WITH entry (recipient_id, kind, subject, period, change, loud) AS (VALUES {entries}),
wished AS (
    SELECT entry.*, CASE WHEN m.id IS NOT NULL THEN 0 WHEN p.bell < entry.loud THEN p.bell ELSE entry.loud END AS wish
    FROM entry
    LEFT JOIN notifications_mute AS m ON m.user_id = entry.recipient_id AND m.subject = entry.subject
    LEFT JOIN notifications_preference AS p ON p.user_id = entry.recipient_id AND p.kind = entry.kind
)
INSERT INTO notifications_notification
    (recipient_id, kind, subject, period, count, loud, unseen, version, changed_at, read_at, archived_at, owed)
SELECT recipient_id, kind, subject, period, change, wish, wish > 0, 1, %s,
    CASE WHEN wish = 0 THEN %s END, CASE WHEN wish = 0 THEN %s END,
    wish > 0 AND EXISTS (SELECT 1 FROM notifications_destination AS d
     WHERE d.owner_id = recipient_id AND d.transport <> 'email' AND d.paused_at IS NULL)
FROM wished WHERE true
ON CONFLICT (recipient_id, kind, subject, period) DO UPDATE SET
    count = notifications_notification.count + excluded.count,
    loud = excluded.loud,
    version = notifications_notification.version + 1,
    unseen = CASE WHEN excluded.loud = 2 THEN excluded.unseen ELSE notifications_notification.unseen END,
    changed_at = CASE WHEN excluded.loud = 2 THEN excluded.changed_at ELSE notifications_notification.changed_at END,
    read_at = CASE WHEN excluded.loud = 2 THEN NULL ELSE notifications_notification.read_at END,
    archived_at = CASE WHEN excluded.loud = 2 THEN NULL ELSE notifications_notification.archived_at END,
    owed = CASE WHEN excluded.loud = 2 THEN excluded.owed ELSE notifications_notification.owed END
RETURNING recipient_id, unseen AND count > 0, version, owed,
    CASE WHEN {first} THEN (SELECT count(*) FROM notifications_notification AS o
     WHERE o.recipient_id = notifications_notification.recipient_id AND o.unseen AND o.count > 0 AND {others}) END,
    CASE WHEN {first} THEN (SELECT coalesce(sum(o.version), 0) FROM notifications_notification AS o
     WHERE o.recipient_id = notifications_notification.recipient_id AND {others}) END
"""
KEY = "({of}.recipient_id, {of}.kind, {of}.subject, {of}.period)"


def notify(entries: Iterable[Entry], *, at: datetime | None = None) -> list[Event]:
    """Writes entries into their groups. Returns the new state of each recipient's bell."""
    merged = sorted(_merge(entries))
    if not merged:
        return []
    first = {entry.recipient: entry for entry in reversed(merged)}.values()
    firsts, keys = ([value for entry in some for value in entry[:4]] for some in (first, merged))
    when = connection.ops.adapt_datetimefield_value(at or timezone.now())
    statement = UPSERT.format(
        entries=_rows(len(merged), 6),
        first=f"{KEY.format(of='notifications_notification')} IN (VALUES {_rows(len(first), 4)})",
        others=f"{KEY.format(of='o')} NOT IN (VALUES {_rows(len(merged), 4)})",
    )
    values = [*(v for entry in merged for v in entry), when, when, when, *(firsts + keys) * 2]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    if any(owed for *_, owed, _others, _version in rows):
        transaction.on_commit(enqueue_fan_out)
    return _bells(rows)


def _rows(number: int, width: int) -> str:
    return ", ".join([f"({', '.join(['%s'] * width)})"] * number)


def _merge(entries: Iterable[Entry]) -> Iterable[Entry]:
    """One entry for each group: a statement may touch a row only once."""
    groups: dict[tuple[int, str, str, str], tuple[int, Loud]] = {}
    for entry in entries:
        change, loud = groups.get(entry[:4], (0, Loud.NOT))
        groups[entry[:4]] = change + entry.change, max(loud, entry.loud)
    return (Entry(*key, change, loud) for key, (change, loud) in groups.items() if change or loud)


def _bells(rows: Iterable[tuple[int, bool, int, bool, int | None, int | None]]) -> list[Event]:
    changed: dict[int, list[int]] = {}
    for recipient, unread, version, _owed, others, others_version in rows:
        bell = changed.setdefault(recipient, [0, 0])
        bell[0] += unread + (others or 0)
        bell[1] += version + int(others_version or 0)
    return [bell_event(recipient, unread, version) for recipient, (unread, version) in changed.items()]
