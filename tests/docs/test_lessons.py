"""docs/lessons.md names every lesson, in both languages, and nothing that does not exist."""

from __future__ import annotations

import re

from monitor.lessons.registry import NAMES
from tests.live import ROOT

ENGLISH, KOREAN = ((ROOT / "docs" / name).read_text() for name in ("lessons.md", "lessons.ko.md"))


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_both_languages_name_the_same_commands_files_and_lines() -> None:
    assert code(KOREAN) == code(ENGLISH)
    assert re.findall(r"\]\((?!lessons)([^)]+)\)", KOREAN) == re.findall(r"\]\((?!lessons)([^)]+)\)", ENGLISH)


def test_every_lesson_is_in_the_document_and_there_are_no_others() -> None:
    commands = {found for text in code(ENGLISH) for found in re.findall(r"^make lesson-([a-z-]+)$", text)}
    assert commands - {"list"} == {*NAMES}
