from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from core.data_care import backup
from core.data_care.files import DataError


class Command(BaseCommand):
    help = "Writes a backup of the database, while the site runs or not. It does not hold SECRET_KEY: keep that, too."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", type=Path, metavar="FOLDER", help=f"default: {settings.BACKUP_DIR}")

    def handle(self, *args: Any, to: Path | None, **options: Any) -> None:
        try:
            path = backup.create(to or Path(settings.BACKUP_DIR))
        except DataError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{path} ({path.stat().st_size:,} bytes)")
