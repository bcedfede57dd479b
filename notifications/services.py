"""What an account does with its notifications. Each change is broadcast to its bell in all of its tabs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from live.broadcast import broadcast
from notifications.bell import bell_event, bell_of, bells, change_bells
from notifications.digest.schedule import next_end
from notifications.models import Delivery, Mute, Notification, NotificationSettings, Preference
from outbox.outcome import PENDING


def look(*, user_id: int) -> None:
    """The list was opened: the bell shows 0, and unread groups stay unread."""
    _change(user_id, Q(unseen=True), unseen=False, seen_at=timezone.now())


def mark_read(*, user_id: int, group_id: int, read: bool) -> None:
    if read:
        now = timezone.now()
        _change(user_id, Q(pk=group_id, read_at=None), read_at=now, seen_at=now, unseen=False)
    else:
        _change(user_id, Q(pk=group_id), read_at=None)


def mark_all_read(*, user_id: int) -> datetime:
    """Returns the time that `undo_mark_all_read` needs."""
    now = timezone.now()
    _change(user_id, Q(read_at=None, archived_at=None), read_at=now, seen_at=now, unseen=False)
    return now


def undo_mark_all_read(*, user_id: int, at: datetime) -> None:
    """Makes the groups unread again that were marked at that time and have not changed since."""
    _change(user_id, Q(read_at=at), read_at=None)


def archive(*, user_id: int, group_id: int, archived: bool) -> None:
    if archived:
        _change(user_id, Q(pk=group_id, archived_at=None), archived_at=timezone.now(), unseen=False)
    else:
        _change(user_id, Q(pk=group_id), archived_at=None)


def mute(*, user_id: int, subject: str, muted: bool) -> None:
    """New entries about this subject do not alert. Existing groups stay in the list."""
    if muted:
        Mute.objects.get_or_create(user_id=user_id, subject=subject)
    else:
        Mute.objects.filter(user=user_id, subject=subject).delete()


def set_preferences(*, user_id: int, **columns: Mapping[str, int]) -> None:
    """Sets columns of `Preference`, each by notification type. The other columns and existing groups stay."""
    types = {name for chosen in columns.values() for name in chosen}
    Preference.objects.bulk_create(
        [Preference(user_id=user_id, type=t, **{name: columns[name][t] for name in columns}) for t in types],
        update_conflicts=True,
        unique_fields=["user", "type"],
        update_fields=list(columns),
    )


@transaction.atomic
def set_notification_settings(*, user_id: int, digest: str, **values: object) -> None:
    NotificationSettings.objects.update_or_create(user_id=user_id, defaults=values)
    set_digest(user_id=user_id, digest=digest)


@transaction.atomic
def set_digest(*, user_id: int, digest: str) -> None:
    """Starts, changes or ends the digest. If it ends, digests that are still pending are deleted."""
    user_settings, now = NotificationSettings.objects.select_for_update().get(user=user_id), timezone.now()
    since = user_settings.digest_since if user_settings.digest_at else now
    user_settings.digest = digest
    user_settings.digest_at = next_end(user_settings, now) if digest else None
    user_settings.digest_since = since
    user_settings.save(update_fields=["digest", "digest_at", "digest_since"])
    if not digest:
        Delivery.objects.filter(destination__owner=user_id, content__type="digest", status__in=PENDING).delete()


@transaction.atomic
def retract(*, subject: str) -> None:
    """Hides every notification about a subject that was deleted."""
    groups = Notification.objects.filter(subject=subject)
    user_ids = list(groups.values_list("recipient", flat=True).distinct())
    change_bells(user_ids)
    groups.update(count=0, version=F("version") + 1)
    transaction.on_commit(lambda: broadcast([bell_event(user_id, *bell) for user_id, bell in bells(user_ids).items()]))


def _change(user_id: int, which: Q, **values: object) -> None:
    groups = Notification.objects.filter(which, recipient=user_id)
    if not groups.exists():  # most visits of the list write nothing
        return
    with transaction.atomic():
        change_bells([user_id])
        groups.update(version=F("version") + 1, **values)
        transaction.on_commit(lambda: broadcast([bell_event(user_id, *bell_of(user_id))]))
