"""``python -m bench.targets``: writes the table of targets and measurements into docs/performance.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from bench.servers import ROOT

RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- targets -->\n", "<!-- end of targets -->\n"
LOST = ("lost likes", "lost completions", "stale watchers", "wrong counts", "lost events", "missed of 2000")


class Target(NamedTuple):
    title: str
    label: str  # of the results
    scenario: str
    name: str
    target: tuple[float, float]  # daphne, uvicorn
    stretch: tuple[float, float]
    peer: str = ""  # the figure is a multiple of that peer's
    unit: str = ""
    more_is_better: bool = False

    def grade(self, value: float, server: int) -> str:
        for grade, limit in (("**stretch**", self.stretch[server]), ("target", self.target[server])):
            if value >= limit if self.more_is_better else value <= limit:
                return grade
        return "**missed**"


PER_S, CPU = "likes per s, end to end", "cpu servers ms"
SAVED50, SAVED95 = "click to saved p50 ms", "click to saved p95 ms"
TARGETS = [
    Target("S2 hot post, likes/s, SQLite", "peers", "S2", PER_S, (1.8, 4), (3, 8), "node", "x", True),
    Target("S2, PostgreSQL", "postgres", "S2", PER_S, (1.5, 3), (2.5, 5), "node", "x", True),
    Target("S3 over 100 posts, likes/s, SQLite", "peers", "S3", PER_S, (1.4, 2), (2, 4), "node", "x", True),
    Target("S2 against the tutorial peer, likes/s", "tutorial", "S2", PER_S, (25, 25), (40, 40), "tutorial", "x", True),
    Target("S2 server CPU of a like", "peers", "S2", CPU, (1 / 2, 1 / 5), (1 / 3, 1 / 10), "node", "x"),
    Target("S2 click to saved p95", "peers", "S2", SAVED95, (0.7, 0.7), (0.3, 0.3), "node", "x"),
    Target("S1 quiet, click to saved p50", "peers", "S1", SAVED50, (2, 2), (1, 1), "node", "x"),
    Target("S4 the last of 2,000 watchers", "peers", "S4", "last of 2000 ms", (2.6, 1.1), (1.5, 0.8), "node", "x"),
    Target("S5 memory of an idle socket", "peers", "S5", "KiB per socket", (28, 28), (20, 20), "", " KiB"),
    Target("S5 sockets opened", "peers", "S5", "opened per s", (600, 1000), (1000, 2000), "", "/s", True),
    Target("S7 feed of 20 posts, p50", "peers", "S7", "whole answer p50 ms", (30, 30), (15, 15), "", " ms"),
]

Found = dict[str, dict[str, dict[str, float | None]]]  # system: scenario: name


def results(label: str, part: str = "median") -> Any:
    path = RESULTS / f"{label}.json"
    return json.loads(path.read_text())[part] if path.exists() else {}


def column(found: Found, start: str) -> dict[str, dict[str, float | None]]:
    return next((numbers for system, numbers in found.items() if system.startswith(start)), {})


def rows() -> Iterator[str]:
    yield "| figure | target: daphne / uvicorn | stretch | daphne | uvicorn | peer |"
    yield "|---|---|---|---|---|---|"
    for target in TARGETS:
        found = results(target.label)
        peer = column(found, target.peer).get(target.scenario, {}).get(target.name) if target.peer else None
        cells = [cell(target, found, peer, server) for server in (0, 1)]
        limits = [
            " / ".join(dict.fromkeys(f"{short(v)}{target.unit}" for v in pair))
            for pair in (target.target, target.stretch)
        ]
        yield f"| {target.title} | {limits[0]} | {limits[1]} | {cells[0]} | {cells[1]} | {plain(peer)} |"
    yield seen_by_others()
    yield nothing_lost()


def cell(target: Target, found: Found, peer: float | None, server: int) -> str:
    measured = column(found, f"redheart:{('daphne', 'uvicorn')[server]}").get(target.scenario, {}).get(target.name)
    if measured is None or (target.peer and not peer):
        return "-"
    value = measured / peer if peer else measured
    absolute = f" ({plain(measured)})" if peer else ""
    return f"{short(value)}{target.unit}{absolute}, {target.grade(value, server)}"


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plain(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def seen_by_others() -> str:
    cells = []
    for server in ("daphne", "uvicorn"):
        quiet = column(results("peers"), f"redheart:{server}").get("S1", {})
        later = (quiet.get("seen by others p50 ms") or 0) - (quiet.get(SAVED50) or 0)
        held = "**stretch**" if later <= 1 else "target" if later <= 10 else "**missed**"
        cells.append(f"saved {later:+.1f} ms, {held}")
    return f"| S1 seen by others p50 | saved + 10 ms | saved + 1 ms | {cells[0]} | {cells[1]} | |"


def nothing_lost() -> str:
    """The sums over all rounds, not medians."""
    cells = []
    for server in ("daphne", "uvicorn"):
        systems = [s for label in ("peers", "postgres", "tutorial") for s in results(label, "rounds").items()]
        runs = [scenarios for system, scenarios in systems if system.startswith(f"redheart:{server}")]
        every = [numbers for scenarios in runs for rounds in scenarios.values() for numbers in rounds]
        lost = sum(numbers.get(name) or 0 for numbers in every for name in LOST)
        cells.append(f"{lost:.0f}, {'**stretch**' if every and not lost else '**missed**'}")
    title = "lost likes, lost completions, stale screens, wrong final states"
    return f"| {title} | 0 | 0, worker and Redis killed in the burst | {cells[0]} | {cells[1]} | |"


def main() -> None:
    table = "\n".join(rows()) + "\n"
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2])
    print(table)


if __name__ == "__main__":
    main()
