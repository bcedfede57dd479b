"""Line charts of the last hour: numbers become the path of an SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 590, 100  # of the SVG's coordinates


class Series(NamedTuple):
    label: str
    values: Sequence[float | None]  # one for each minute, the current one last; None: nothing was measured
    now: float | None


class Line(NamedTuple):
    label: str
    now: float | None
    highest: float | None
    path: str  # of the SVG


class Chart(NamedTuple):
    title: str
    unit: str
    empty: str  # what to do to see something
    top: float  # the value at the upper edge
    lines: list[Line]

    @property
    def is_empty(self) -> bool:
        return not any(line.highest for line in self.lines)


def chart(title: str, unit: str, series: Sequence[Series], *, empty: str) -> Chart:
    top = _round_up(max((value for each in series for value in each.values if value), default=0))
    return Chart(title, unit, empty, top, [_line(each, top) for each in series])


def _line(series: Series, top: float) -> Line:
    highest = max((value for value in series.values if value is not None), default=None)
    return Line(series.label, series.now, highest, _path(series.values, top))


def _path(values: Sequence[float | None], top: float) -> str:
    """A line through all values; it is interrupted where nothing was measured. A value that stands alone is a dash."""
    step, parts, pen = WIDTH / (len(values) - 1), [], "M"
    for index, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        alone = pen == "M" and (index + 1 == len(values) or values[index + 1] is None)
        parts.append(f"{pen}{index * step:.1f} {HEIGHT - value / (top or 1) * HEIGHT:.1f}{'h-6' if alone else ''}")
        pen = "L"
    return "".join(parts)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 and so on, so that the scale does not change with each value."""
    if value <= 0:
        return 0
    scale = 1e-6
    while True:
        for factor in (1, 2, 5):
            if value <= factor * scale * (1 + 1e-9):
                return factor * scale
        scale *= 10
