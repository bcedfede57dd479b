"""What a person does with notifications. Each verb ends with the exact bell in all of the person's tabs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from live.broadcast import broadcast
from notifications.bell import bell_event, bell_of
from notifications.digest.schedule import next_end
from notifications.models import Delivery, Mute, Notification, NotificationSettings, Preference
from outbox.outcome import PENDING


def look(*, user: int) -> None:
    """The list was opened: the bell is empty, and nothing is read by it."""
    _change(user, Q(unseen=True), unseen=False, seen_at=timezone.now())


def mark_read(*, user: int, group: int, read: bool) -> None:
    if read:
        now = timezone.now()
        _change(user, Q(pk=group, read_at=None), read_at=now, seen_at=now, unseen=False)
    else:
        _change(user, Q(pk=group), read_at=None)


def mark_all_read(*, user: int) -> datetime:
    """Returns the moment, by which it can be undone."""
    now = timezone.now()
    _change(user, Q(read_at=None, archived_at=None), read_at=now, seen_at=now, unseen=False)
    return now


def undo_mark_all(*, user: int, at: datetime) -> None:
    """What was marked at that moment is unread again, unless something has happened to it since."""
    _change(user, Q(read_at=at), read_at=None)


def archive(*, user: int, group: int, archived: bool) -> None:
    if archived:
        _change(user, Q(pk=group, archived_at=None), archived_at=timezone.now(), unseen=False)
    else:
        _change(user, Q(pk=group), archived_at=None)


def mute(*, user: int, subject: str, muted: bool) -> None:
    """Nothing about this subject rings any more. What is in the list already stays there."""
    if muted:
        Mute.objects.get_or_create(user_id=user, subject=subject)
    else:
        Mute.objects.filter(user=user, subject=subject).delete()


def set_preferences(*, user: int, **columns: Mapping[str, int]) -> None:
    """What this person wants from now on, by kind; of the columns of `Preference`, those that are not named stay. What
    is in the list already stays there."""
    types = {name for chosen in columns.values() for name in chosen}
    Preference.objects.bulk_create(
        [Preference(user_id=user, type=t, **{name: columns[name][t] for name in columns}) for t in types],
        update_conflicts=True,
        unique_fields=["user", "type"],
        update_fields=list(columns),
    )


@transaction.atomic
def set_user_settings(*, user: int, digest: str, **values: object) -> None:
    user_settings, _ = NotificationSettings.objects.select_for_update().get_or_create(user_id=user)
    for name, value in values.items():
        setattr(user_settings, name, value)
    user_settings.save(update_fields=list(values))
    set_digest(user=user, digest=digest)


@transaction.atomic
def set_digest(*, user: int, digest: str) -> None:
    """Starts, moves or ends this person's windows. What waits to be sent is not sent to somebody who wants none."""
    user_settings, now = NotificationSettings.objects.select_for_update().get(user=user), timezone.now()
    since = user_settings.digest_since if user_settings.digest_at else now
    user_settings.digest = digest
    user_settings.digest_at = next_end(user_settings, now) if digest else None
    user_settings.digest_since = since
    user_settings.save(update_fields=["digest", "digest_at", "digest_since"])
    if not digest:
        Delivery.objects.filter(destination__owner=user, content__type="digest", status__in=PENDING).delete()


def retract(*, subject: str) -> None:
    """The subject is gone, and so is all that was told of it."""
    with transaction.atomic():
        gone = Notification.objects.filter(subject=subject)
        users = list(gone.values_list("recipient", flat=True).distinct())
        gone.update(count=0, version=F("version") + 1)
    transaction.on_commit(lambda: broadcast([bell_event(user, *bell_of(user)) for user in users]))


def _change(user: int, which: Q, **values: object) -> None:
    groups: QuerySet[Notification] = Notification.objects.filter(which, recipient=user)
    if groups.update(version=F("version") + 1, **values):
        transaction.on_commit(lambda: broadcast([bell_event(user, *bell_of(user))]))
