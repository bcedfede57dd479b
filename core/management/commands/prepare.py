from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import User
from django.core.management import BaseCommand, CommandError, call_command
from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils.module_loading import module_has_submodule

from core.encryption import encrypt_again
from core.migrating import one_process

DEMO_PASSWORD = "redheart"  # noqa: S105  (printed on the terminal)
DEMO_ACCOUNTS = ("mina", "jun", "staff")


class Command(BaseCommand):
    help = (
        "Migrates the database and encrypts secrets with a new SECRET_KEY. Production: collects the static files. "
        "Development: loads demo data, if it is empty. Several machines may run it at once."
    )

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {error}") from error

    def handle(self, *args: Any, **options: Any) -> None:
        with one_process():
            self.prepare()
        if not settings.DEBUG and (names := accounts_with_demo_password()):
            raise CommandError(
                f"A production site does not start while {', '.join(names)} can sign in with the demo password: "
                f"set a new one (python manage.py changepassword {names[0]}) or delete the account."
            )

    def prepare(self) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        if settings.SECRET_KEY_FALLBACKS:
            encrypt_again()
        if not settings.DEBUG:  # without the files and their manifest, every page would be an error
            call_command("collectstatic", verbosity=0, interactive=False)
        if settings.DEBUG and not User.objects.exists():
            load_demo()
            self.stdout.write(f"Demo accounts: mina, jun and staff; the password is {DEMO_PASSWORD}.")
        if not settings.DEBUG and not User.objects.filter(is_superuser=True, is_active=True).exists():
            self.stdout.write("There is no administrator yet: python manage.py createadmin NAME")


def accounts_with_demo_password() -> list[str]:
    """The names of demo accounts and of active staff that still have the demo password."""
    checked = Q(username__in=DEMO_ACCOUNTS) | Q(is_staff=True, is_active=True)
    users = User.objects.filter(checked).order_by("-is_staff", "pk")
    return [user.username for user in users if check_password(DEMO_PASSWORD, user.password)]


@transaction.atomic
def load_demo() -> None:
    """Creates the accounts, then calls ``demo.load()`` of every app that has it."""
    password = make_password(DEMO_PASSWORD)  # once, because hashing is slow by design
    User.objects.bulk_create(User(username=name, password=password) for name in ("mina", "jun"))
    User.objects.create(username="staff", password=password, is_staff=True, is_superuser=True)
    for app in apps.get_app_configs():
        if module_has_submodule(app.module, "demo"):
            import_module(f"{app.name}.demo").load()
