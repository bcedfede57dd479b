from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from core.data_care.files import DataError, complete_file
from core.data_care.transfer import export_lines


class Command(BaseCommand):
    help = "Writes all data but sessions as lines of JSON, which import reads into any database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="- writes to the standard output")

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        if file == "-":
            for line in export_lines():
                self.stdout.write(line)
            return
        try:
            with complete_file(Path(file)) as part, part.open("w", encoding="utf-8", newline="\n") as output:
                output.writelines(f"{line}\n" for line in export_lines())
        except DataError as error:
            raise CommandError(str(error)) from error
