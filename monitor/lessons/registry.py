"""The lessons by name. A lesson is a module of this folder; ``ignore-result`` is `ignore_result.py`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, cast

from monitor.lessons.results import Result, Text

NAMES: tuple[str, ...] = (
    "prefetch",
    "ignore-result",
    "calling",
    "brokers",
    "whiteboard",
    "no-broker",
    "one-at-a-time",
    "kakao",
    "sync",
)
Report = Callable[[Text], None]


class Lesson(Protocol):
    """``QUESTION`` is what the lesson answers, ``WHY`` the paragraph that explains the result; all three are
    translated when they are shown. ``run`` reports what happens now."""

    TITLE: Any
    QUESTION: Any
    WHY: Any

    def run(self, report: Report) -> Result: ...


def lesson(name: str) -> Lesson:
    """The lesson with one of `NAMES`."""
    return cast(Lesson, import_module(f"monitor.lessons.{name.replace('-', '_')}"))
