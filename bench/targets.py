"""The targets and how the results stand to them. ``python -m bench.targets`` writes the tables of docs/performance.md;
`make bench` ends with `verdict`, and `make bench-check` fails if a like has become much more expensive."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bench.measure import Numbers
from bench.servers import ROOT

RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "performance.md"
LOST = ("lost likes", "lost completions", "stale watchers", "wrong counts", "lost events", "missed of 2000")
SERVERS = ("daphne", "uvicorn")
PER_S, CPU, VIEW = "likes per s, end to end", "cpu servers ms", "cpu of a view ms"
# CPU milliseconds of daphne on SQLite on the machine of docs/performance.md. `make bench-check` allows more.
LAST_MEASURED = {("S1", CPU): 7.0, ("S2", CPU): 0.6, ("S7", VIEW): 4.5}
TOLERANCE = 1.5

Found = Mapping[str, Mapping[str, Numbers]]  # system: scenario: name


class Target(NamedTuple):
    title: str
    scenario: str
    name: str
    must: tuple[float, float]  # daphne, uvicorn
    want: tuple[float, float]
    unit: str = ""
    more_is_better: bool = False
    peer: str = ""  # the figure is a multiple of that of this system

    def holds(self, value: float, limit: float) -> bool:
        return value >= limit if self.more_is_better else value <= limit

    def grade(self, value: float, server: int) -> str:
        if self.holds(value, self.want[server]):
            return "**want**"
        return "must" if self.holds(value, self.must[server]) else "**missed**"

    def value(self, found: Found, server: str) -> float | None:
        measured = figure(found, f"redheart:{server}", self.scenario, self.name)
        if not self.peer or measured is None:
            return measured
        peer = figure(found, self.peer, self.scenario, self.name)
        return measured / peer if peer else None


TARGETS = [
    Target("S1 quiet, click to saved p50", "S1", "click to saved p50 ms", (1, 1), (0.7, 0.7), "x", peer="node"),
    Target("S1 CPU of a quiet click", "S1", CPU, (5, 5), (3.5, 3.5), " ms"),
    Target("S2 hot post, likes/s", "S2", PER_S, (4, 8), (5, 10), "x", True, "node"),
    Target("S3 over 100 posts, likes/s", "S3", PER_S, (3, 5), (4, 6), "x", True, "node"),
    Target("S4 the last of 2,000 watchers", "S4", "last of 2000 ms", (0.95, 0.9), (0.7, 0.7), "x", peer="node"),
    Target("S5 memory of an idle socket", "S5", "KiB per socket", (20, 20), (15, 15), " KiB"),
    Target("S5 sockets opened", "S5", "opened per s", (1, 1), (1.3, 1.3), "x", True, "node"),
    Target("S7 feed of 20 posts, CPU of a view", "S7", VIEW, (6, 6), (3, 3), " ms"),
    Target("memory at rest, all processes", "S5", "MiB before", (260, 260), (200, 200), " MiB"),
]


def results(label: str, part: str = "median") -> Any:
    path = RESULTS / f"{label}.json"
    return json.loads(path.read_text())[part] if path.exists() else {}


def figure(found: Found, system: str, scenario: str, name: str) -> float | None:
    """Of the system whose name starts like this."""
    return next(
        (numbers.get(scenario, {}).get(name) for each, numbers in found.items() if each.startswith(system)), None
    )


def verdict(found: Found) -> str:
    """One line: whether what was measured meets all targets, and which are missed."""
    measured = [
        (target, server, value)
        for target in TARGETS
        for server in SERVERS
        if (value := target.value(found, server)) is not None
    ]
    missed = [
        f"{target.title}, {server}: {short(value)}{target.unit} (must {short(must)}{target.unit})"
        for target, server, value in measured
        if not target.holds(value, must := target.must[SERVERS.index(server)])
    ]
    missed += [f"{system} {each}: {number:.0f}" for system, each, number in losses(found)]
    if missed:
        return "Falls short: " + "; ".join(missed)
    return f"Passes all {len(measured)} targets that were measured."


def losses(found: Found) -> Iterator[tuple[str, str, float]]:
    for system, scenarios in found.items():
        for scenario, numbers in scenarios.items() if system.startswith("redheart") else ():
            yield from ((system, f"{scenario} {name}", number) for name in LOST if (number := numbers.get(name)))


def regressions(rounds: Mapping[str, list[Numbers]], speed: float) -> list[str]:
    """What costs more CPU time in the best round than `LAST_MEASURED` allows. ``rounds`` are those of daphne by
    scenario, ``speed`` is that of this machine (bench/speed.py)."""
    found = []
    for (scenario, name), before in LAST_MEASURED.items():
        best = min((number for numbers in rounds.get(scenario, []) if (number := numbers[name])), default=None)
        limit = before * TOLERANCE / speed
        if best is None or best > limit:
            found.append(f"{scenario} {name}: {best} (at most {limit:.2f} on this machine)")
    return found


def rows() -> Iterator[str]:
    yield "| figure | must: daphne / uvicorn | want | daphne | uvicorn | peer |"
    yield "|---|---|---|---|---|---|"
    found: Found = results("peers")
    for target in TARGETS:
        limits = [
            " / ".join(dict.fromkeys(f"{short(v)}{target.unit}" for v in pair)) for pair in (target.must, target.want)
        ]
        cells = [cell(target, found, server) for server in SERVERS]
        peer = figure(found, target.peer, target.scenario, target.name) if target.peer else None
        yield f"| {target.title} | {limits[0]} | {limits[1]} | {cells[0]} | {cells[1]} | {plain(peer)} |"
    yield embedded(results("embedded"))
    yield nothing_lost()


def scaling() -> Iterator[str]:
    yield "| web processes and likes workers | 32 connections: CPU of a like, likes/s | 32 for each web process |"
    yield "|---|---|---|"
    for size, by_connections in results("scaling").items():
        cells = [f"{plain(numbers[CPU])} ms, {plain(numbers[PER_S])}" for numbers in by_connections.values()]
        yield f"| {size} | {' | '.join(cells)} |"


def cell(target: Target, found: Found, server: str) -> str:
    value = target.value(found, server)
    if value is None:
        return "-"
    measured = figure(found, f"redheart:{server}", target.scenario, target.name)
    absolute = f" ({plain(measured)})" if target.peer else ""
    return f"{short(value)}{target.unit}{absolute}, {target.grade(value, SERVERS.index(server))}"


def embedded(found: Found) -> str:
    """The hot post as pages of other sites use it, as a share of S2."""
    target = Target("", "S2", PER_S, (0.95, 0.95), (1, 1), "", True)
    cells = []
    for server in SERVERS:
        here, there = (figure(found, f"{system}:{server}", "S2", PER_S) for system in ("redheart", "embedded"))
        share = there / here if here and there else None
        cells.append("-" if share is None else f"{short(share)}, {target.grade(share, SERVERS.index(server))}")
    return f"| S2 through the tag of another site, share of S2 | 0.95 | 1 | {cells[0]} | {cells[1]} | |"


def nothing_lost() -> str:
    """The sums over all rounds, not medians."""
    cells = []
    for server in SERVERS:
        every: list[Found] = [
            {f"redheart {label} {system} {number}": {scenario: numbers}}
            for label in ("peers", "embedded")
            for system, scenarios in results(label, "rounds").items()
            if server in system
            for scenario, measured in scenarios.items()
            for number, numbers in enumerate(measured)
        ]
        lost = sum(number for found in every for _, _, number in losses(found))
        cells.append(f"{lost:.0f}, {'**missed**' if lost or not every else '**want**'}")
    title = "lost likes, lost completions, stale screens, wrong final states"
    return f"| {title} | 0 | 0 | {cells[0]} | {cells[1]} | |"


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plain(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def main() -> None:
    for name, lines in (("targets", rows()), ("scaling", scaling())):
        table = "\n".join(lines) + "\n"
        before, begin, rest = PAGE.read_text().partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->\n")
        PAGE.write_text(before + begin + table + end + after)
        print(table)


if __name__ == "__main__":
    main()
