"""Medians over the rounds, as tables for a terminal, and the ratios against a peer."""

from __future__ import annotations

import statistics
from typing import NamedTuple

from bench.measure import Numbers
from bench.scenarios import SCENARIOS

Rounds = dict[str, dict[str, list[Numbers]]]  # system: scenario: one entry for each round
Medians = dict[str, dict[str, Numbers]]  # system: scenario: numbers


class Figure(NamedTuple):
    title: str
    scenario: str
    name: str


# The figures of the targets and of the charts.
FIGURES = [
    Figure("hot post, likes per s", "S2", "likes per s, end to end"),
    Figure("hot post, CPU ms per like", "S2", "cpu servers ms"),
    Figure("hot post, click to saved p95 ms", "S2", "click to saved p95 ms"),
    Figure("100 posts, likes per s", "S3", "likes per s, end to end"),
    Figure("quiet, click to saved p50 ms", "S1", "click to saved p50 ms"),
    Figure("quiet, seen by others p50 ms", "S1", "seen by others p50 ms"),
    Figure("last of 2,000 watchers, ms", "S4", "last of 2000 ms"),
    Figure("KiB per idle socket", "S5", "KiB per socket"),
    Figure("sockets opened per s", "S5", "opened per s"),
]


def medians(rounds: Rounds) -> Medians:
    return {
        system: {scenario: _median(found) for scenario, found in scenarios.items() if found}
        for system, scenarios in rounds.items()
    }


def _median(found: list[Numbers]) -> Numbers:
    names = dict.fromkeys(name for numbers in found for name in numbers)
    return {name: _median_of([value for n in found if (value := n.get(name)) is not None]) for name in names}


def _median_of(values: list[float]) -> float | None:
    return round(statistics.median(values), 3) if values else None


def show(found: Medians) -> str:
    return "\n\n".join(_scenario(found, name) for name in sorted(SCENARIOS) if any(s.get(name) for s in found.values()))


def _scenario(found: Medians, scenario: str) -> str:
    columns = {system: numbers.get(scenario, {}) for system, numbers in found.items()}
    names = dict.fromkeys(name for numbers in columns.values() for name in numbers)
    rows = [(name, [_text(numbers.get(name)) for numbers in columns.values()]) for name in names]
    doc = (SCENARIOS[scenario].__doc__ or "").strip()
    return f"{scenario}  {doc}\n{_grid(list(columns), rows)}"


def ratios(found: Medians, peer: str) -> str:
    """The figures of each system, divided by those of the peer."""
    others = [system for system in found if system != peer]
    rows = []
    for title, scenario, name in FIGURES:
        base = found[peer].get(scenario, {}).get(name)
        values = [found[system].get(scenario, {}).get(name) for system in others]
        rows.append((title, [f"{v / base:.2f}x" if v is not None and base else "-" for v in values]))
    return f"Times the figure of {peer}\n{_grid(others, rows)}"


def _grid(columns: list[str], rows: list[tuple[str, list[str]]]) -> str:
    first = max((len(title) for title, _ in rows), default=0)
    widths = [max(len(column), 8) for column in columns]
    lines = [("", columns), *rows]
    return "\n".join(
        title.ljust(first) + "".join(f"  {v:>{w}}" for v, w in zip(values, widths, strict=True))
        for title, values in lines
    )


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:,.10g}"
