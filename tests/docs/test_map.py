"""The map in docs/how-it-works.md names every Python file of the product once, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.docs.files import APPS, sections
from tests.live import ROOT

MAP = sections((ROOT / "docs/how-it-works.md").read_text())["Map"]


def has_code(path: Path) -> bool:
    """Is there more in a module than its docstring?"""
    return any(not isinstance(node, ast.Expr) for node in ast.parse(path.read_text()).body)


def files_of(app: str) -> list[str]:
    paths = [path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
    found = [path for path in paths if path.name != "__init__.py" or has_code(path)]
    return sorted(str(path.relative_to(ROOT / app)) for path in found)


def named_in(text: str) -> dict[str, list[str]]:
    """The files that the table of each app names."""
    _, *rest = re.split(r"^### (\w+)$", text, flags=re.M)
    tables = zip(rest[::2], rest[1::2], strict=True)
    return {app: sorted(re.findall(r"^\| `(\S+)` \| \S.* \|$", table, re.M)) for app, table in tables}


def test_the_map_names_every_file_of_every_app_exactly_once() -> None:
    assert named_in(MAP) == {app: files_of(app) for app in APPS}


def test_a_file_that_is_missing_named_twice_or_gone_is_noticed() -> None:
    row = "| `broadcast.py` |"
    assert row in MAP
    for changed in (MAP.replace(row, "| `gone.py` |"), MAP.replace(row, f"{row} again |\n{row}")):
        assert named_in(changed)["live"] != files_of("live")
