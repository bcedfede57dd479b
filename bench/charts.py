"""``python -m bench.charts``: draws docs/performance/*.svg from bench/results/{peers,growth}.json and the profiles.

Plain SVG with its own styles for light and dark pages.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from bench.servers import ROOT
from bench.table import FIGURES

RESULTS, OUT = ROOT / "bench" / "results", ROOT / "docs" / "performance"
WIDTH, ROW, BAR = 720, 20, 14
MAX_DEPTH = 24  # calls in a flame graph
STYLE = """<style>text{font:12px system-ui,sans-serif;fill:#333}.soft{fill:#777}.a{fill:#c8102e}.b{fill:#e58a98}
.c{fill:#8a8f98}.line{fill:none;stroke:#c8102e;stroke-width:2}.grid{stroke:#8884}.f{stroke:#fff8;stroke-width:.5}
@media(prefers-color-scheme:dark){text{fill:#ddd}.soft{fill:#999}.f text{fill:#222}}</style>"""
COMMON_FRAMES = (
    "<module>",
    "click/",
    "celery/bin",
    "celery/bootsteps",
    "threading.py",
    "asyncio/runners",
    "uvicorn/main",
    "uvicorn/server",
    "uvicorn/_compat",
    "celery/__main__",
    "celery/apps",
    "thread.py",
    "celery/worker/worker.py",
)  # all stacks begin with these: left out
CURVES = {
    "existing likes": "likes that the post has already",
    "posts": "posts",
    "watchers": "watchers",
    "posts on the screen": "posts that each watcher has on the screen",
    "groups of the author": "groups in the bell of the posts' author",
}


def svg(height: float, parts: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">'
    return "\n".join([head, STYLE, *parts, "</svg>"]) + "\n"


def text(x: float, y: float, label: str, css_class: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css_class}" text-anchor="{anchor}">{escape(label)}</text>'


def bars(found: dict[str, dict[str, dict[str, float]]], names: dict[str, str]) -> str:
    """One bar of each system for each figure; the longest fills the width."""
    parts, y = [], 0.0
    for title, scenario, name in FIGURES:
        values = {s: found[s].get(scenario, {}).get(name) for s in names if s in found}
        maximum = max((value or 0 for value in values.values()), default=0)
        if not maximum:
            continue
        parts.append(text(0, y + 14, title))
        y += ROW
        for system, css_class in zip(values, "abc", strict=False):
            value = values[system]
            length = (value or 0) / maximum * (WIDTH - 320)
            parts.append(text(150, y + 11, names[system], "soft", "end"))
            parts.append(f'<rect x="160" y="{y}" width="{length:.1f}" height="{BAR}" class="{css_class}"/>')
            parts.append(text(166 + length, y + 11, "-" if value is None else f"{value:,.4g}"))
            y += BAR + 2
        y += 12
    return svg(y, parts)


Points = dict[str, dict[str, float]]


def curves(points: Points, title: str) -> str:
    """Two charts: likes per second, and below it the CPU time of a like."""
    rate = curve(points, title, "answered per s", "Likes per s")
    cost = curve(points, title, "cpu servers ms", "CPU ms of a like")
    return svg(400, [*rate, '<g transform="translate(0 206)">', *cost, "</g>"])


def curve(points: Points, title: str, name: str, unit: str) -> list[str]:
    """One line over a logarithmic axis; 0 is drawn at its left end."""
    left, right, top, bottom = 60, WIDTH - 30, 30, 170
    xs = [math.log10(max(float(x), 1)) for x in points]
    values = [numbers[name] for numbers in points.values()]
    maximum = max(values) * 1.15
    at = [left + (right - left) * (x - xs[0]) / (xs[-1] - xs[0]) for x in xs]
    up = [bottom - (bottom - top) * value / maximum for value in values]
    parts = [text(left, 14, f"{unit}, by {title}"), f'<path class="grid" d="M{left} {bottom}H{right}"/>']
    parts.append(
        f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in zip(at, up, strict=True))}"/>'
    )
    for x, y, point, value in zip(at, up, points, values, strict=True):
        parts.append(f'<circle class="a" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
        parts.append(text(x, y - 8, f"{value:,.4g}", "", "middle"))
        parts.append(text(x, bottom + 16, f"{int(point):,}", "soft", "middle"))
    return parts


class Stack(dict[str, "Stack"]):
    """Number of samples of a function, and the stacks of the functions it called by name."""

    samples = 0

    def add(self, names: list[str], samples: int) -> None:
        self.samples += samples
        if names:
            self.setdefault(names[0], Stack()).add(names[1:], samples)


def flame(raw: str, *, min_share: float = 0.006) -> str:
    """From py-spy's raw stacks; what took less than ``min_share`` of the time is left out."""
    root = Stack()
    for line in raw.splitlines():
        stack, _, samples = line.rpartition(" ")
        root.add([name for name in stack.split(";") if not any(part in name for part in COMMON_FRAMES)], int(samples))
    parts: list[str] = []
    deepest = _flames(root, 0.0, 0, WIDTH / (root.samples or 1), WIDTH * min_share, parts)
    return svg((deepest + 1) * 16, parts)


def _flames(stack: Stack, x: float, depth: int, scale: float, min_width: float, parts: list[str]) -> int:
    deepest = depth
    for name, below in sorted(stack.items()):
        width = below.samples * scale
        if width >= min_width and depth < MAX_DEPTH:
            parts.append(_flame(name, x, depth, width))
            deepest = max(deepest, _flames(below, x, depth + 1, scale, min_width, parts))
        x += width
    return deepest


def _flame(name: str, x: float, depth: int, width: float) -> str:
    function, _, where = name.partition(" ")
    where = where.strip("()").rpartition(":")[0]
    label = function[: int(width / 6)] if width > 24 else ""
    color = f"hsl({sum(map(ord, where)) % 50} 75% 72%)"
    return (
        f'<g class="f"><title>{escape(name)}</title>'
        f'<rect x="{x:.1f}" y="{depth * 16}" width="{width:.1f}" height="15" fill="{color}"/>'
        f'<text x="{x + 2:.1f}" y="{depth * 16 + 11}" style="font-size:10px">{escape(label)}</text></g>'
    )


def read(name: str) -> Any:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text())["median"] if path.exists() else None


def draw(name: str, drawing: str) -> None:
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.svg").write_text(drawing)


def main() -> None:
    if found := read("peers"):
        node = next(system for system in found if system.startswith("node"))
        names = {"redheart:uvicorn-sqlite": "uvicorn", "redheart:daphne-sqlite": "daphne", node: "Node"}
        draw("peers", bars(found, names))
    for title, points in (read("growth") or {}).items():
        draw(f"growth-{title.replace(' ', '-')}", curves(points, CURVES[title]))
    for role in ("web", "worker-likes"):
        path = Path(RESULTS / f"redheart-uvicorn-sqlite-{role}.raw")
        if path.exists():
            draw(f"flame-{role}", flame(path.read_text()))


if __name__ == "__main__":
    main()
