"""The code and the file names in the documents."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.live import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
APPS = ("core", "live", "outbox", "accounts", "likes", "feedback", "notifications", "embed", "monitor", "project")


class File(NamedTuple):
    path: str
    text: str

    @property
    def code_lines(self) -> int:
        return sum(1 for line in self.text.splitlines() if line.strip())


def files_in(text: str) -> list[File]:
    """The fenced blocks that have their file name in bold above them, in their order."""
    return [File(*found) for found in re.findall(r"^\*\*`(\S+)`\*\*\n\n```\w+\n(.*?)^```$", text, re.M | re.S)]


def sections(text: str) -> dict[str, str]:
    """The text below each heading of level two; what stands before the first has the key ""."""
    title, *rest = re.split(r"^## (.+)$", text, flags=re.M)
    return {"": title, **dict(zip(rest[::2], rest[1::2], strict=True))}
