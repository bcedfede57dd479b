"""What the site has of one person: to download and to erase. Each app that has any says so in its ``personal_data.py``:
``of(person)`` yields `Personal`, and ``erase(person)`` deletes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.module_loading import module_has_submodule

from core.visitors import account_key


@dataclass(frozen=True)
class Person:
    """An account, a visitor without one, or whoever has an email address."""

    user: User | None = None
    visitor: str = ""  # the key of a visitor without an account
    email: str = ""
    keep_messages: bool = False  # what it has sent by the feedback form is not deleted, only no longer its own

    @property
    def key(self) -> str:
        """The visitor key of the account or the visitor."""
        return account_key(self.user) if self.user else self.visitor


class Personal(NamedTuple):
    """Rows of one table that belong to a person."""

    name: str  # in the download
    label: str  # what `manage.py erase` prints, and what happens to them if they are not deleted
    rows: QuerySet[Any, Any]
    fields: tuple[str, ...] = ()  # of the download; without any they are not in it


def of(person: Person) -> Iterator[Personal]:
    for module in _modules():
        yield from module.of(person)


def collect(person: Person) -> dict[str, list[dict[str, Any]]]:
    """What a person can download, by name."""
    found = (personal for personal in of(person) if personal.fields)
    return {name: list(rows.order_by("pk").values(*fields)) for name, _, rows, fields in found}


def erase(person: Person) -> None:
    """Deletes all of it; pages, bells and the inbox show that at once. If it is interrupted, it can be run again: the
    account itself is deleted last."""
    for module in reversed(_modules()):
        module.erase(person)


def _modules() -> list[ModuleType]:
    configs = (app for app in apps.get_app_configs() if module_has_submodule(app.module, "personal_data"))
    return [import_module(f"{app.name}.personal_data") for app in configs]
