from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import BaseCommand, call_command
from django.db import transaction
from django.utils.module_loading import module_has_submodule

PASSWORD = "redheart"  # noqa: S105  (of the demo, printed on the terminal)


class Command(BaseCommand):
    help = "Brings the database up to date; in development an empty one gets accounts, and what each app has as a demo."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        if settings.DEBUG and not User.objects.exists():
            load_demo()
            self.stdout.write(f"Demo accounts: mina, jun and staff; the password is {PASSWORD}.")


@transaction.atomic
def load_demo() -> None:
    """The accounts, and then the ``demo.load()`` of every app that has one."""
    password = make_password(PASSWORD)  # once: each takes a good part of a second, on purpose
    User.objects.bulk_create(User(username=name, password=password) for name in ("mina", "jun"))
    User.objects.create(username="staff", password=password, is_staff=True, is_superuser=True)
    for app in apps.get_app_configs():
        if module_has_submodule(app.module, "demo"):
            import_module(f"{app.name}.demo").load()
