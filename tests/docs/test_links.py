"""What the documents name exists: linked documents and headings, files, and labels of the product."""

from __future__ import annotations

import re
from pathlib import Path

import polib
import pytest

from tests.docs.files import APPS, DOCUMENTS, files_in
from tests.live import ROOT

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:[\w.-]+/)+(?:[\w.-]+\.(?:py|js|css|md|po|svg|toml|yml))?)`")
IN_CODE = re.compile(r"(?<![\w/.])((?:docs|tests|bench|static|{})/[\w./-]+\.(?:py|js|md)\b)".format("|".join(APPS)))
LABEL = re.compile(r"(?<!\*)\*([A-Z가-힣][^*\n]*)\*(?!\*)")
MADE_AT_RUN_TIME = {"data/"}
KOREAN = ROOT / "project/locale/ko/LC_MESSAGES/django.po"
SOURCES = [
    *(path for folder in (*APPS, "bench", "tests") for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)),
    *(ROOT / name for name in ("pyproject.toml", "Makefile", ".env.example", "bench/README.md")),
]


def headings(path: Path) -> set[str]:
    """The anchors that GitHub makes of the headings of a document."""
    found = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in found}


def broken_links(document: Path, text: str) -> list[str]:
    broken = []
    for link in LINK.findall(text):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        if re.match(r"\w+:", link):
            continue
        if not target.exists() or (anchor and anchor not in headings(target)):
            broken.append(link)
    return broken


def exists(name: str) -> bool:
    """Whether there is such a file; static files are named as templates name them, too."""
    return (ROOT / name).exists() or (ROOT / "static" / name).exists()


def missing_files(text: str) -> list[str]:
    """The files that a document names and that neither exist nor are written in it. The map has its own test."""
    written = {file.path for file in files_in(text)}
    written |= {f"{parent}/" for path in written for parent in Path(path).parents} | MADE_AT_RUN_TIME
    named = PATH.findall(text.partition("\n## Map\n")[0])
    return [path for path in named if path not in written and not (ROOT / path).exists()]


def unknown_labels(text: str, *, korean: bool = False) -> list[str]:
    """The labels, written as *Label* or *Page → Label*, that the product does not have."""
    known = {entry.msgstr if korean else entry.msgid for entry in polib.pofile(str(KOREAN))}
    return [part for label in LABEL.findall(text) for part in label.split(" → ") if part not in known]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert broken_links(document, document.read_text()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    assert missing_files(document.read_text()) == []


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if d.name != "SECURITY.md"], ids=lambda path: path.name)
def test_every_label_that_a_document_quotes_is_one_of_the_product(document: Path) -> None:
    assert unknown_labels(document.read_text(), korean=document.name.endswith(".ko.md")) == []


def test_every_file_that_the_code_names_exists() -> None:
    examples = {file.path for document in DOCUMENTS for file in files_in(document.read_text())}
    named = {(str(path.relative_to(ROOT)), name) for path in SOURCES for name in IN_CODE.findall(path.read_text())}
    missing = [(path, name) for path, name in named if name not in examples and not exists(name)]
    assert sorted(missing) == []


def test_what_does_not_exist_is_noticed() -> None:
    readme = ROOT / "README.md"
    assert broken_links(readme, "[a](docs/gone.md) [b](CONTRIBUTING.md#gone) [c](https://example.com/)") == [
        "docs/gone.md", "CONTRIBUTING.md#gone",
    ]  # fmt: skip
    assert missing_files("`likes/gone.py` `likes/models.py` `gone/`") == ["likes/gone.py", "gone/"]
    assert unknown_labels("*Inbox* *Inbox → Gone* **Gone**") == ["Gone"]
