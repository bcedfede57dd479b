"""What a lesson shows, as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from unicodedata import east_asian_width

from monitor.lessons.charts import lanes
from monitor.lessons.registry import Lesson
from monitor.lessons.results import Alimtalk, Bar, Columns, Result, Table, Text, Timeline

WIDTH = 100  # characters
PHONE = 36  # columns of the text on a phone
CHART = 72  # of them for the bars
FILL = {"short": "=", "long": "#", "waiting": ".", "failed": "x", "skipped": "-"}


def heading(lesson: Lesson) -> str:
    return f"\n{lesson.TITLE}\n{'=' * width(str(lesson.TITLE))}\n{lesson.QUESTION}\n"


def result(found: Result, lesson: Lesson) -> str:
    parts = [alimtalk(each) for each in found.alimtalks]
    parts += [timeline(each) for each in found.timelines]
    parts += [columns(each) for each in found.columns]
    parts += [table(each) for each in found.tables]
    parts += [f"{title}\n{textwrap.indent(text.strip(), '  ')}" for title, text in found.texts]
    return "\n\n".join(["", *parts, f"➤ {found.figure}", *paragraphs(str(lesson.WHY)), ""])


def paragraphs(text: str) -> list[str]:
    """Lines of `WIDTH` columns, which have fewer characters in Korean."""
    return [textwrap.fill(each, WIDTH * len(each) // width(each)) for each in text.split("\n\n")]


def width(text: str) -> int:
    """Columns in a terminal: a Korean character takes two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def padded(text: str, size: int) -> str:
    return text + " " * (size - width(text))


def table(found: Table) -> str:
    cells: list[Sequence[str | Text]] = [found.head, *found.rows]
    rows = [[str(cell) for cell in row] for row in cells]
    sizes = [max(width(row[number]) for row in rows) for number in range(len(found.head))]
    lines = ["  ".join(map(padded, row, sizes)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * size for size in sizes))
    return "\n".join([str(found.title), *textwrap.indent("\n".join(lines), "  ").split("\n")])


def timeline(found: Timeline) -> str:
    end = max((bar.end for bar in found.bars), default=0) or 1
    size = max((width(row) for row in {bar.row for bar in found.bars}), default=0)
    lines = [str(found.title)]
    for row, rows in lanes(found.bars):
        for number, bars in enumerate(rows):
            lines.append(f"  {padded('' if number else row, size)} |{drawn(bars, end)}|")
    lines.append(f"  {padded('', size)}  0 s{f'{end:.1f} s':>{CHART - 3}}")
    return "\n".join(lines)


def drawn(bars: Sequence[Bar], end: float) -> str:
    cells = [" "] * CHART
    for bar in bars:
        first, last = (round(at / end * CHART) for at in (bar.start, bar.end))
        size = max(1, last - first)
        text = (bar.label if len(bar.label) <= size else "").ljust(size, FILL[bar.style])
        cells[first : first + size] = text
    return "".join(cells[:CHART])


def columns(found: Columns) -> str:
    size = max((width(str(name)) for name, _ in found.values), default=0)
    most = max((value for _, value in found.values), default=0) or 1
    lines = [
        f"  {padded(str(name), size)} |{'=' * round(value / most * 50)} {value:,g} {found.unit}".rstrip()
        for name, value in found.values
    ]
    return "\n".join([str(found.title), *lines])


def alimtalk(found: Alimtalk) -> str:
    """The message as a phone shows it, in a frame."""
    paragraphs = [textwrap.wrap(line, PHONE // 2) or [""] for line in found.text.split("\n")]
    button = f"[ {found.button} ]"
    lines = [*(line for lines in paragraphs for line in lines), "", " " * ((PHONE - width(button)) // 2) + button]
    frame = "─" * (PHONE + 2)
    head = [f"┌{frame}┐", f"│ {padded('알림톡 도착', PHONE)} │", f"├{frame}┤"]
    body = [*head, *(f"│ {padded(line, PHONE)} │" for line in lines), f"└{frame}┘"]
    return "\n".join([f"  {found.sender} → {found.to}", *(f"  {line}" for line in body)])
