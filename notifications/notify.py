"""`notify` writes notifications: two queries for a whole batch of entries, whoever they are for.

Call it in the transaction that causes the entries, and broadcast what it returns after the commit.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from core import correlation
from live.topics import Event
from notifications.bell import COUNT_UNREAD, MAX_UNREAD, bell_event, change_bells
from notifications.models import AlertLevel
from notifications.tasks import enqueue_fan_out

log = logging.getLogger(__name__)


class Entry(NamedTuple):
    recipient_id: int
    notification_type: str
    subject: str
    period: str = ""
    change: int = 1  # of the number of entries in the group; below 0 takes some back
    alert_level: AlertLevel = AlertLevel.EVERY_TIME
    cause: str = ""  # the correlation id of what has caused it; empty: the one that is bound


# In RETURNING, subqueries of PostgreSQL see the old rows and those of SQLite the new ones. So they count only the rows
# of the recipient that this statement does not touch ("others"); `_bells` adds the touched ones. They are counted with
# the first row of each recipient only: with every row, the cost would rise with the square of the batch.
UPSERT = """
WITH entry (recipient_id, type, subject, period, change, alert_level, cause) AS (VALUES {entries}),
allowed AS (
    SELECT entry.*,
        CASE WHEN m.id IS NOT NULL THEN 0 WHEN p.bell < alert_level THEN p.bell ELSE alert_level END AS level
    FROM entry
    LEFT JOIN notifications_mute AS m ON m.user_id = entry.recipient_id AND m.subject = entry.subject
    LEFT JOIN notifications_preference AS p ON p.user_id = entry.recipient_id AND p.type = entry.type
)
INSERT INTO {table}
    (recipient_id, type, subject, period, count, alert_level, unseen, version, changed_at, read_at, archived_at,
     correlation_id, fan_out_pending)
SELECT recipient_id, type, subject, period, change, level, level > 0, 1, %s,
    CASE WHEN level = 0 THEN %s END, CASE WHEN level = 0 THEN %s END, cause,
    level > 0 AND EXISTS (SELECT 1 FROM notifications_destination AS d
     WHERE d.owner_id = recipient_id AND d.transport <> 'email'
       AND (d.paused_at IS NULL OR d.probe_at IS NOT NULL))
FROM allowed WHERE true
ON CONFLICT (recipient_id, type, subject, period) DO UPDATE SET
    count = {table}.count + excluded.count,
    alert_level = excluded.alert_level,
    version = {table}.version + 1,
    unseen = CASE WHEN excluded.alert_level = 2 THEN excluded.unseen ELSE {table}.unseen END,
    changed_at = CASE WHEN excluded.alert_level = 2 THEN excluded.changed_at ELSE {table}.changed_at END,
    read_at = CASE WHEN excluded.alert_level = 2 THEN NULL ELSE {table}.read_at END,
    archived_at = CASE WHEN excluded.alert_level = 2 THEN NULL ELSE {table}.archived_at END,
    correlation_id = CASE WHEN excluded.alert_level = 2 THEN excluded.correlation_id ELSE {table}.correlation_id END,
    fan_out_pending = CASE WHEN excluded.alert_level = 2 THEN excluded.fan_out_pending
                           ELSE {table}.fan_out_pending END
RETURNING recipient_id, unseen AND count > 0, fan_out_pending, CASE WHEN {first} THEN {others} END
"""
TABLE = "notifications_notification"
KEY = "({of}.recipient_id, {of}.type, {of}.subject, {of}.period)"


def notify(entries: Iterable[Entry], *, at: datetime | None = None) -> list[Event]:
    """Writes entries into their groups. Returns the new state of each recipient's bell."""
    merged = sorted(_merge(entries))
    if not merged:
        return []
    versions = change_bells(entry.recipient_id for entry in merged)
    statement, values = _upsert(merged, at or timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    if log.isEnabledFor(logging.INFO):
        _log(merged)
    if any(fan_out_pending for _, _, fan_out_pending, _ in rows):
        transaction.on_commit(enqueue_fan_out)
    return _bells(rows, versions)


def _log(entries: Iterable[Entry]) -> None:
    """Without the subject, which may be the secret address of a receipt."""
    for entry in entries:
        with correlation.bound(entry.cause):
            log.info("notification %r for account %d", entry.notification_type, entry.recipient_id)


def _upsert(entries: list[Entry], at: datetime) -> tuple[str, list[Any]]:
    """The statement that writes these entries, and its values."""
    first = {entry.recipient_id: entry for entry in reversed(entries)}.values()
    firsts, keys = ([value for entry in some for value in entry[:4]] for some in (first, entries))
    when = connection.ops.adapt_datetimefield_value(at)
    untouched = f"AND {KEY.format(of='o')} NOT IN (VALUES {_placeholders(len(entries), 4)})"
    statement = UPSERT.format(
        table=TABLE,
        entries=_placeholders(len(entries), 7),
        first=f"{KEY.format(of=TABLE)} IN (VALUES {_placeholders(len(first), 4)})",
        others=COUNT_UNREAD.format(recipient=f"{TABLE}.recipient_id", others=untouched),
    )
    return statement, [*(v for entry in entries for v in entry), when, when, when, *firsts, *keys]


def _placeholders(rows: int, columns: int) -> str:
    return ", ".join([f"({', '.join(['%s'] * columns)})"] * rows)


def _merge(entries: Iterable[Entry]) -> Iterable[Entry]:
    """One entry for each group: a statement may touch a row only once. The cause is that of the last entry."""
    groups: dict[tuple[int, str, str, str], tuple[int, AlertLevel, str]] = {}
    for entry in entries:
        change, alert_level, _ = groups.get(entry[:4], (0, AlertLevel.OFF, ""))
        cause = entry.cause or correlation.current()
        groups[entry[:4]] = change + entry.change, max(alert_level, entry.alert_level), cause
    merged = (Entry(*key, *values) for key, values in groups.items())
    return (entry for entry in merged if entry.change or entry.alert_level)


def _bells(rows: Iterable[tuple[int, bool, bool, int | None]], versions: dict[int, int]) -> list[Event]:
    """Adds up the returned rows of each recipient: those that were touched, and the number of the others."""
    unread = Counter[int]()
    for recipient_id, touched, _pending, others in rows:
        unread[recipient_id] += touched + (others or 0)
    return [bell_event(pk, min(number, MAX_UNREAD), versions[pk]) for pk, number in unread.items()]
