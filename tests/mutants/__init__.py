"""Mistakes that the tests must notice, in the TOML files of this folder: ``make mutants`` makes each of them in a copy
of the project and expects its tests to fail.

An entry has ``what`` (the mistake, in words), ``file``, ``old`` (text that is there once), ``new`` and ``tests`` (the
arguments of pytest). With ``database = "postgres"`` they run on PostgreSQL, at the environment variable POSTGRES_URL.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parent


class Mutant(NamedTuple):
    what: str
    file: str
    old: str
    new: str
    tests: list[str]
    database: str = ""


def mutants() -> list[Mutant]:
    files = sorted(FOLDER.glob("*.toml"))
    return [Mutant(**entry) for file in files for entry in tomllib.loads(file.read_text())["mutant"]]
