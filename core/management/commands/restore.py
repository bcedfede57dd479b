from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from core.data_care.files import DataError
from core.data_care.restore import restore


class Command(BaseCommand):
    help = "Replaces the database by a backup, after a copy of what is there. Stop the site first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a file that backup has written")
        parser.add_argument("--force", action="store_true", help="also while the site runs")

    def handle(self, *args: Any, file: Path, force: bool, **options: Any) -> None:
        try:
            done = restore(file, force=force)
        except DataError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Restored {file}. What was there before: {done.before}")
        if done.unreadable:
            self.stderr.write(
                f"This SECRET_KEY cannot read {done.unreadable} addresses and secrets of integrations, browsers and "
                "sites. Set the SECRET_KEY of the backup, or add it to SECRET_KEY_FALLBACKS and run prepare."
            )
