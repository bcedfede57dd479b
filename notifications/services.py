"""What a person does with notifications. Each verb ends with the exact bell in all of the person's tabs."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from notifications.bell import bell_event, bell_of
from notifications.models import Loud, Mute, Notification, Preference
from notifications.push import push


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


@transaction.atomic
def set_preferences(*, user: int, bell: dict[str, Loud]) -> None:
    """What this person wants to hear from now on. What is in the list already stays there."""
    Preference.objects.bulk_create(
        [Preference(user_id=user, kind=kind, bell=loud) for kind, loud in bell.items()],
        update_conflicts=True,
        unique_fields=["user", "kind"],
        update_fields=["bell"],
    )


def retract(*, subject: str) -> None:
    """The subject is gone, and so is all that was told of it."""
    with transaction.atomic():
        gone = Notification.objects.filter(subject=subject)
        users = list(gone.values_list("recipient", flat=True).distinct())
        gone.update(count=0, version=F("version") + 1)
    transaction.on_commit(lambda: push([bell_event(user, *bell_of(user)) for user in users]))


def _change(user: int, which: Q, **values: object) -> None:
    groups: QuerySet[Notification] = Notification.objects.filter(which, recipient=user)
    if groups.update(version=F("version") + 1, **values):
        transaction.on_commit(lambda: push([bell_event(user, *bell_of(user))]))
