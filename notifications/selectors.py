"""The queries behind the list of notifications and the settings page."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.forms.models import model_to_dict
from django.utils.translation import gettext_lazy

from core.clock import parse_microseconds
from core.http import parse_pk
from notifications.models import Destination, Mute, Notification, NotificationSettings, Preference
from notifications.types import described, notification_types
from outbox.email import EMAIL

PAGE_SIZE = 20
FILTERS = {  # name in the URL: (label, condition)
    "": (gettext_lazy("All"), Q(archived_at=None)),
    "unread": (gettext_lazy("Unread"), Q(archived_at=None, read_at=None)),
    "archived": (gettext_lazy("Archived"), Q(archived_at__isnull=False)),
}


class Page(NamedTuple):
    groups: list[Notification]
    next_cursor: str  # of the next page; empty on the last one


def visible_groups(user_id: int, show: str = "") -> QuerySet[Notification]:
    """The groups of one of the `FILTERS`; by default of the first."""
    groups = Notification.objects.filter(recipient=user_id, count__gt=0, type__in=notification_types)
    return groups.filter(FILTERS[show][1]).order_by("-changed_at", "-pk")


def page(*, user_id: int, before: str = "", show: str = "") -> Page:
    """A page of groups, the latest first. ``before`` is the ``next_cursor`` of the page before it."""
    found = list(visible_groups(user_id, show).filter(after(before))[: PAGE_SIZE + 1])
    next_cursor = found[PAGE_SIZE - 1].cursor if len(found) > PAGE_SIZE else ""
    return Page(complete(found[:PAGE_SIZE], user_id), next_cursor)


def complete(groups: list[Notification], user_id: int) -> list[Notification]:
    """The groups with everything that the list shows of them."""
    subjects = {group.subject for group in groups}
    muted = set(Mute.objects.filter(user=user_id, subject__in=subjects).values_list("subject", flat=True))
    for group in groups:
        group.muted = group.subject in muted
    return described(groups)


def newest(*, user_id: int) -> Notification | None:
    """The latest unseen group."""
    return next(iter(described(visible_groups(user_id).filter(unseen=True)[:1])), None)


def preferences(*, user_id: int) -> dict[str, Any]:
    """The preferences of an account, by the names of the form's fields."""
    found: dict[str, Any] = {}
    for row in Preference.objects.filter(user=user_id):
        found[row.type] = row.bell
        found |= {f"{row.type}-{channel}": getattr(row, channel) for channel in ("digest", "push", "integrations")}
    return found


def notification_settings(*, user_id: int) -> dict[str, Any] | None:
    """The settings of an account, by the names of the form's fields. None if it has never saved any."""
    row = NotificationSettings.objects.filter(user=user_id).first()
    return model_to_dict(row) if row else None


def digest_address(*, user_id: int) -> Destination | None:
    """The confirmed email address of an account, if messages arrive there."""
    return _addresses(user_id).filter(options__confirmed=True, paused_at=None).first()


def latest_address(*, user_id: int) -> Destination | None:
    """The email address that an account has entered last, confirmed or not."""
    unconfirmed = _addresses(user_id).filter(options__confirmed=False)
    return unconfirmed.first() or _addresses(user_id).filter(options__confirmed=True).first()


def _addresses(user_id: int) -> QuerySet[Destination]:
    return Destination.objects.filter(owner=user_id, transport=EMAIL)


def after(cursor: str) -> Q:
    """Selects what comes after a `Notification.cursor` in the list; everything if it is not one."""
    at, _, pk = cursor.partition(".")
    changed_at, last_pk = parse_microseconds(at), parse_pk(pk)
    if changed_at is None or last_pk is None:
        return Q()
    return Q(changed_at__lt=changed_at) | Q(changed_at=changed_at, pk__lt=last_pk)
