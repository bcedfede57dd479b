from __future__ import annotations

import sys
from argparse import ArgumentParser
from contextlib import nullcontext
from typing import Any

from django.core.management import BaseCommand, CommandError, call_command

from core.data_care.files import DataError
from core.data_care.restore import forget, refuse_while_running
from core.data_care.transfer import import_lines


class Command(BaseCommand):
    help = "Creates the tables of an empty database and stores what export has written. Stop the site first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="- reads the standard input")
        parser.add_argument("--force", action="store_true", help="also while the site runs")

    def handle(self, *args: Any, file: str, force: bool, **options: Any) -> None:
        try:
            refuse_while_running(force=force)
            with nullcontext(sys.stdin.buffer) if file == "-" else open(file, "rb") as lines:
                call_command("migrate", verbosity=0, interactive=False)
                number = import_lines(lines)
        except (DataError, OSError) as error:
            raise CommandError(str(error)) from error
        forget()
        self.stdout.write(f"Imported {number:,} rows.")
