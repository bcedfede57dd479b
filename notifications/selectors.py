"""What the list of notifications shows."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.forms.models import model_to_dict

from core.clock import from_microseconds, parse_microseconds
from core.http import parse_pk
from notifications.models import Destination, Mute, Notification, NotificationSettings, Preference
from notifications.types import described, notification_types
from outbox.email import EMAIL

PAGE = 20


class Page(NamedTuple):
    groups: list[Notification]
    more: str  # where the next page starts; empty at the end


def shown(user: int) -> QuerySet[Notification]:
    found = Notification.objects.filter(recipient=user, count__gt=0, archived_at=None, type__in=notification_types)
    return found.order_by("-changed_at", "-pk")


def page(*, user: int, before: str = "") -> Page:
    """Groups, the latest first, and where the next ones start."""
    found = list(shown(user).filter(after(before))[: PAGE + 1])
    more = found[PAGE - 1].cursor if len(found) > PAGE else ""
    return Page(complete(found[:PAGE], user), more)


def complete(groups: list[Notification], user: int) -> list[Notification]:
    subjects = {group.subject for group in groups}
    muted = set(Mute.objects.filter(user=user, subject__in=subjects).values_list("subject", flat=True))
    for group in groups:
        group.muted = group.subject in muted
    return described(groups)


def newest(*, user: int) -> Notification | None:
    """What has just arrived."""
    return next(iter(described(shown(user).filter(unseen=True)[:1])), None)


def preferences(*, user: int) -> dict[str, Any]:
    """What is chosen, by the names of the form."""
    found: dict[str, Any] = {}
    for row in Preference.objects.filter(user=user):
        found[row.type] = row.bell
        found |= {f"{row.type}-{way}": getattr(row, way) for way in ("mail", "push", "outside")}
    return found


def user_settings(*, user: int) -> dict[str, Any] | None:
    """What is chosen, by the names of the form. None: nothing was."""
    row = NotificationSettings.objects.filter(user=user).first()
    return model_to_dict(row) if row else None


def mailbox(*, user: int) -> Destination | None:
    """Where this person's mail may go."""
    return _addresses(user).filter(options__confirmed=True, paused_at=None).first()


def typed(*, user: int) -> Destination | None:
    """The address that this person has typed last, whether its owner has said yes or not."""
    asked = _addresses(user).filter(options__confirmed=False)
    return asked.first() or _addresses(user).filter(options__confirmed=True).first()


def _addresses(user: int) -> QuerySet[Destination]:
    return Destination.objects.filter(owner=user, transport=EMAIL)


def after(cursor: str) -> Q:
    """What comes after `Notification.cursor` in the list; anything else means everything."""
    at, _, pk = cursor.partition(".")
    at_number, last = parse_microseconds(at), parse_pk(pk)
    if at_number is None or last is None:
        return Q()
    when = from_microseconds(at_number)
    return Q(changed_at__lt=when) | Q(changed_at=when, pk__lt=last)
