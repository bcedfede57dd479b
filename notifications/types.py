"""The kinds of notification. The app that owns what they are about declares each in its own ``kinds.py``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from notifications.models import Loud, Notification

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

kinds: dict[str, Kind] = {}


class Kind:
    """A name, and how groups of that name are told: ``prepare`` reads what all of a page need, in a number of queries
    that does not depend on how many there are; the rest says it of one."""

    name: str
    label: StrPromise  # in the preferences
    icon = "bell"
    staff = False  # is it for staff alone?
    choices: tuple[Loud, ...] = (Loud.ALWAYS, Loud.NOT)
    template = "notifications/_group.html"

    def prepare(self, groups: list[Notification]) -> None:
        """Sets what `Notification` leaves to its kind, but for the text."""

    def text(self, group: Notification) -> str:
        """One plain sentence in the reader's language."""
        raise NotImplementedError

    def url(self, group: Notification) -> str:
        """Where it leads."""
        raise NotImplementedError


def declare(kind: type[Kind]) -> type[Kind]:
    kinds[kind.name] = kind()
    return kind


def offered(*, staff: bool) -> list[Kind]:
    """The kinds that somebody may ever hear of."""
    return [kind for kind in kinds.values() if staff or not kind.staff]


def told(groups: Iterable[Notification]) -> list[Notification]:
    """The groups with their texts, in their order."""
    groups = list(groups)
    for name, kind in kinds.items():
        if same := [group for group in groups if group.kind == name]:
            kind.prepare(same)
            for group in same:
                group.text, group.icon, group.template = kind.text(group), kind.icon, kind.template
    return groups
