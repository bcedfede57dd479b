"""Keeps the Korean catalogue in step with the code: ``make messages``. Needs no gettext, only Babel.

New texts are added without a translation, texts that are no longer used go, and the compiled file is written beside it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "project/locale/ko/LC_MESSAGES/django.po"
APPS = ("project", "likes", "feedback", "notifications")
KEYWORDS = {"gettext": None, "gettext_lazy": None, "_": None, "gettext_noop": None, "ngettext": (1, 2)}


def sources() -> Iterator[tuple[str, str]]:
    """Name and Python-like text of every file that may hold texts."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*")):
            name = str(path.relative_to(ROOT))
            if path.suffix == ".py" and "migrations" not in path.parts:
                yield name, path.read_text()
            elif "templates" in path.parts and path.suffix in (".html", ".txt"):
                code = templatize(path.read_text(), origin=name)
                yield name, "\n".join(line.strip() for line in code.splitlines())


def found() -> Catalog:
    catalogue = Catalog(locale="ko", project="Redheart", charset="utf-8")
    for name, text in sources():
        for _line, message, _comments, context in extract("python", io.BytesIO(text.encode()), KEYWORDS):
            catalogue.add(message, locations=[(name, 0)], context=context)
    return catalogue


def read() -> Catalog:
    if not CATALOGUE.exists():
        return found()
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="ko")


def missing(catalogue: Catalog) -> list[str]:
    return [str(m.id) for m in catalogue if m.id and (not m.string or m.fuzzy or not all(m.string))]


def compiled(catalogue: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def main() -> int:
    catalogue = read()
    catalogue.update(found(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    with CATALOGUE.open("wb") as file:
        write_po(file, catalogue, width=120, omit_header=False, include_lineno=False, sort_output=True)
    CATALOGUE.with_suffix(".mo").write_bytes(compiled(read()))
    for text in missing(catalogue):
        print(f"not translated: {text}")
    return bool(missing(catalogue))


if __name__ == "__main__":
    sys.exit(main())
