"""The account of a person, and where it is signed in."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from core.data_care.personal import Person, Personal

PROFILE = ("username", "first_name", "last_name", "email", "is_staff", "date_joined", "last_login")


def of(person: Person) -> Iterable[Personal]:
    if person.user:
        yield Personal("account", "account", User.objects.filter(pk=person.user.pk), PROFILE)
        yield Personal("admin_log", "entries about it in the log of the admin", _log(person.user))
        yield Personal("sessions", "sessions", _sessions(person.user), ("expire_date",))


def erase(person: Person) -> None:
    if person.user:
        _log(person.user).delete()
        _sessions(person.user).delete()
        User.objects.filter(pk=person.user.pk).delete()


def _sessions(user: User) -> QuerySet[Session]:
    """Only the content of a session says whose it is."""
    stored = Session.objects.only("pk", "session_data").iterator()
    return Session.objects.filter(
        pk__in=[session.pk for session in stored if session.get_decoded().get(SESSION_KEY) == str(user.pk)]
    )


def _log(user: User) -> QuerySet[LogEntry]:
    """What others did with the account; what it did itself goes with it."""
    return LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk))
