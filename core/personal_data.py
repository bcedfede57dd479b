"""The account of a person."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet

from core.data_care.personal import Person, Personal

PROFILE = ("username", "first_name", "last_name", "email", "is_staff", "date_joined", "last_login")


def of(person: Person) -> Iterable[Personal]:
    if person.user:
        yield Personal("account", "account", User.objects.filter(pk=person.user.pk), PROFILE)
        yield Personal("admin_log", "entries about it in the log of the admin", _log(person.user))


def erase(person: Person) -> None:
    if person.user:
        _log(person.user).delete()
        User.objects.filter(pk=person.user.pk).delete()


def _log(user: User) -> QuerySet[LogEntry]:
    """What others did with the account; what it did itself goes with it."""
    return LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk))
