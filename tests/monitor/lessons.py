"""What the tests of the lessons share."""

from __future__ import annotations

from monitor.lessons.results import Bar, Result, Table, Text


def silent(text: Text) -> None:
    """A report that nobody reads."""


def rows(table: Table) -> dict[str, list[str]]:
    """The cells of each row by its first one."""
    return {str(first): [str(cell) for cell in others] for first, *others in table.rows}


def bars(result: Result, title: str, style: str) -> list[Bar]:
    """The bars of this style on the timeline with this title."""
    [timeline] = [each for each in result.timelines if str(each.title) == title]
    return [bar for bar in timeline.bars if bar.style == style]
