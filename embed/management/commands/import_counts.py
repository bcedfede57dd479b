from __future__ import annotations

import csv
import sys
from argparse import FileType
from typing import Any, TextIO

from django.core.management import BaseCommand, CommandError, CommandParser

from embed import services
from embed.keys import BadKey
from embed.management.commands.remap import find_site

MAX_COUNT = 2**31 - 1


class Command(BaseCommand):
    help = (
        "Imports the counts of another like button from a CSV file with lines such as https://blog.example/hello/,17. "
        "They are shown together with the likes, and kept apart from them. Importing the file again changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=FileType("r", encoding="utf-8-sig"), help="url,count; - reads standard input")
        parser.add_argument("--site", type=int, help="the id of the site; needed for keys that are no URLs")

    def handle(self, *args: Any, file: TextIO, site: int | None, **options: Any) -> None:
        imported, problems = 0, 0
        for number, row in enumerate(csv.reader(file), 1):
            if not row or (number == 1 and row[-1].strip() == "count"):
                continue
            try:
                self.import_row(row, site)
                imported += 1
            except (BadKey, ValueError, CommandError) as error:
                problems += 1
                self.stderr.write(f"Line {number}: {error}")
        self.stdout.write(f"{imported} counts imported.")
        if problems:
            sys.exit(1)

    def import_row(self, row: list[str], site: int | None) -> None:
        if len(row) != 2 or not row[1].strip().isdecimal() or int(row[1]) > MAX_COUNT:
            raise ValueError(f"Write url,count, not {','.join(row)}")
        services.import_count(site=find_site(site, row[0]), page=row[0], count=int(row[1]))
