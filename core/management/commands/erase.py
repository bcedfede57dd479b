from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management import BaseCommand, CommandError

from core.data_care.personal import Person, erase, of


class Command(BaseCommand):
    help = "Deletes what the site has of one person, after it has listed it. Backups keep it until they are deleted."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--email", help="messages from this address, and where it gets notifications")
        who.add_argument("--user", metavar="NAME", help="the account with this name, and all that it has written")
        who.add_argument("--visitor", metavar="KEY", help="likes and votes of a visitor without an account")
        parser.add_argument("--yes", action="store_true", help="does not wait for a confirmation")

    def handle(self, *args: Any, yes: bool, **options: Any) -> None:
        person = _person(options)
        found = {personal.label: personal.rows.count() for personal in of(person)}
        for label, number in found.items():
            self.stdout.write(f"{number:>8,}  {label}")
        if not any(found.values()):
            raise CommandError("There is nothing to delete.")
        if not yes and input("Delete this? It cannot be undone. [y/N] ").strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was deleted.")
        erase(person)
        self.stdout.write("Deleted.")


def _person(options: dict[str, Any]) -> Person:
    if name := options["user"]:
        user = User.objects.filter(username=name).first()
        if not user:
            raise CommandError(f"There is no account {name}.")
        return Person(user=user)
    visitor = options["visitor"] or ""
    if visitor.startswith("u"):
        raise CommandError("This is the key of an account: use --user.")
    return Person(visitor=visitor, email=options["email"] or "")
