"""The geometry of the charts, which the templates draw as SVG. Horizontal positions are percentages, so that a chart is
as wide as its page while its texts keep their size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from monitor.lessons.results import Bar, Columns, Table, Text, Timeline

LANE, BAR, HEADING, FOOT = 24, 20, 22, 24  # pixels
COLUMNS_HEIGHT, COLUMN_TOP, COLUMN_FOOT = 180, 24, 24
STYLES = ("short", "long", "waiting", "failed", "skipped")
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)  # seconds between two ticks
MOST_TICKS = 6
CHARACTER = 2.0  # percent of the width that a character of a label takes, on a phone
TOUCHING = 0.001  # seconds that two bars of a lane may overlap


class Box(NamedTuple):
    x: str
    y: float
    width: str
    height: float
    middle: str
    label: str
    style: str
    bar: Bar


class Tick(NamedTuple):
    x: str
    label: str
    anchor: str


class TimelineChart(NamedTuple):
    title: Text
    height: int
    rows: list[tuple[str, int]]  # the name of a worker, and its vertical position
    boxes: list[Box]
    ticks: list[Tick]
    bars: list[Bar]

    @property
    def foot(self) -> int:
        return self.height - FOOT

    @property
    def styles(self) -> list[str]:
        return [style for style in STYLES if any(bar.style == style for bar in self.bars)]


class Figures(NamedTuple):
    table: Table
    numbers: bool  # all but the first column


class Column(NamedTuple):
    x: str
    y: float
    width: str
    height: float
    middle: str
    name: str
    value: float

    @property
    def shown(self) -> str:
        return f"{self.value:,g}"

    @property
    def label_y(self) -> float:
        return self.y - 6


class ColumnsChart(NamedTuple):
    title: Text
    unit: str
    height: int
    columns: list[Column]


def percent(value: float) -> str:
    return f"{value:.2f}%"


def lanes(bars: Sequence[Bar]) -> list[tuple[str, list[list[Bar]]]]:
    """For each row its lanes, in which no bars overlap. What ran comes first, what waited is below."""
    found = []
    for row, members in groupby(sorted(bars, key=lambda bar: bar.row), key=lambda bar: bar.row):
        rows: list[list[Bar]] = [[]]
        for bar in sorted(members, key=lambda bar: (bar.style == "waiting", bar.start)):
            first = int(bar.style == "waiting")
            lane = next((lane for lane in rows[first:] if not lane or lane[-1].end <= bar.start + TOUCHING), None)
            if lane is None:
                rows.append(lane := [])
            lane.append(bar)
        found.append((row, rows))
    return found


def timeline(found: Timeline) -> TimelineChart:
    end = max((bar.end for bar in found.bars), default=0) or 1
    rows, boxes, y = [], [], 0
    for row, lanes_of_row in lanes(found.bars):
        rows.append((row, y + HEADING - 7))
        y += HEADING
        for lane in lanes_of_row:
            boxes += [box(bar, y, end) for bar in lane]
            y += LANE
    return TimelineChart(found.title, y + FOOT, rows, boxes, ticks(end), found.bars)


def box(bar: Bar, y: float, end: float) -> Box:
    start, width = bar.start / end * 100, (bar.end - bar.start) / end * 100
    label = bar.label if width >= len(bar.label) * CHARACTER else ""
    return Box(percent(start), y, percent(width), BAR, percent(start + width / 2), label, bar.style, bar)


def ticks(end: float) -> list[Tick]:
    step = next((step for step in STEPS if end / step <= MOST_TICKS), STEPS[-1])
    found = [
        Tick(percent(n * step / end * 100), f"{n * step:g} s", "middle") for n in range(1, int(end / step * 0.96) + 1)
    ]
    return [Tick("0%", "0 s", "start"), *found]


def columns(found: Columns) -> ColumnsChart:
    most = max((value for _, value in found.values), default=0) or 1
    share = 100 / max(len(found.values), 1)
    room = COLUMNS_HEIGHT - COLUMN_TOP - COLUMN_FOOT
    drawn = []
    for number, (name, value) in enumerate(found.values):
        height = value / most * room
        x, y = percent((number + 0.15) * share), COLUMN_TOP + room - height
        drawn.append(Column(x, y, percent(0.7 * share), height, percent((number + 0.5) * share), str(name), value))
    return ColumnsChart(found.title, found.unit, COLUMNS_HEIGHT, drawn)


def figures(found: Table) -> Figures:
    return Figures(found, all(str(cell)[:1].isdigit() for row in found.rows for cell in row[1:]))
