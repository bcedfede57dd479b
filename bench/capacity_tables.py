"""``python -m bench.capacity_tables`` writes the tables of docs/capacity.md and the sizes in docs/self-hosting.md, from
bench/results/capacity.json (S2, S4 and S5) and bench/results/broadcast.json. `make bench-capacity` measures both.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

from bench.capacity import (  # noqa: E402  (the hub, whose times it simulates, needs Django)
    AUDIENCES,
    BUSY,
    NETWORK,
    SOCKETS,
    Audience,
    Costs,
    Site,
    read_costs,
    simulate,
    sufficient,
)
from bench.servers import ROOT  # noqa: E402

DOCS = ROOT / "docs"
HEADS = (
    *("who watches", "watchers", "likes/s", "busy first", "web processes", "likes workers", "Redis servers"),
    *("cores of the database", "memory of web", "out of Redis", "95 % have seen a like after"),
)


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [[*heads], ["---" for _ in heads], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def measured(costs: Costs) -> Iterator[tuple[str, str, str, str]]:
    """What the simulation starts from."""
    like = ", ".join(f"{name} {cost * 1e3:.2g} ms" for name, cost in parts(costs).items())
    yield "a like", like, "–", "–"
    received = f"{costs.received * 1e6:.0f} µs in each web process that gets it"
    yield "the broadcasts of a like", received, "–", f"{costs.message:.0f} bytes to each of them"
    yield "a frame to one socket", f"{costs.frame * 1e6:.0f} µs", "–", "–"
    yield (
        "an open socket, with what a site takes at rest",
        f"{costs.resting * 1e6:.1f} µs each second",
        f"{costs.socket / 1024:.0f} KiB",
        "–",
    )
    yield "opening a socket", f"{costs.opening * 1e3:.2g} ms", "–", "–"
    yield "a web process", "–", f"{costs.web / 2**20:.0f} MiB", "–"


def parts(costs: Costs) -> dict[str, float]:
    return {
        "web process": costs.like_web,
        "likes worker": costs.like_worker,
        "database": costs.like_database,
        "Redis": costs.like_redis,
    }


def simulated(costs: Costs, audience: Audience) -> list[object]:
    first = Site(web=math.ceil(audience.watchers / SOCKETS))
    before, _ = simulate(costs, audience, first)
    site = sufficient(costs, audience, first)
    found, late = simulate(costs, audience, site)
    busiest = before.busiest()
    return [
        audience.name,
        f"{audience.watchers:,}",
        f"{audience.likes:,.0f}",
        f"{busiest}, {getattr(before, busiest):.0%}",
        site.web,
        site.workers,
        site.redis,
        math.ceil(audience.likes * costs.like_database / BUSY),
        f"{(audience.watchers * costs.socket + site.web * costs.web) / 2**30:,.1f} GiB",
        f"{found.network * site.redis * NETWORK / 1e6:,.1f} MB/s",
        f"{late * 1000:,.0f} ms",
    ]


def sizes(costs: Costs) -> Iterator[tuple[str, str]]:
    """For docs/self-hosting.md."""
    memory, share = costs.socket * 1000 / 2**20, costs.resting * 1000
    yield "1,000 open pages", f"{memory:.0f} MiB and {share:.1%} of a core in the web processes, 1,000 file descriptors"
    yield "100 likes a second", ", ".join(f"{name} {cost * 100:.1%}" for name, cost in parts(costs).items())


def write(page: str, name: str, text: str) -> None:
    """Replaces what stands between the two comments with this name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, after = (DOCS / page).read_text().split(begin)
    (DOCS / page).write_text(before + begin + text + end + after.split(end)[1])


def main() -> None:
    costs = read_costs()
    write("capacity.md", "measured", table(("what", "CPU of one core", "memory", "network"), measured(costs)))
    write("capacity.md", "simulated", table(HEADS, (simulated(costs, audience) for audience in AUDIENCES)))
    write("self-hosting.md", "sizes", table(("for", "add, of one core each"), sizes(costs)))


if __name__ == "__main__":
    main()
