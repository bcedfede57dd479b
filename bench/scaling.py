"""``python -m bench.scaling``: what a like costs with 1, 2 and 4 web processes and 1 to 3 likes workers, on PostgreSQL.

All processes share the cores of this machine, so the CPU time of a like says more than likes per second. Measured with
32 connections in all, and with 32 for each web process, as when there are more visitors. Writes the results into
bench/results/scaling.json, by processes and connections.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
from collections import defaultdict
from itertools import cycle
from typing import Any

import uvloop

from bench.__main__ import RESULTS, machine, say
from bench.measure import Bench, Numbers
from bench.scenarios.burst import CONNECTIONS, hot
from bench.servers import ROOT, Servers, accepts, free_port, until
from bench.systems.redheart import UVICORN, Redheart

SIZES = ((1, 1), (2, 1), (4, 1), (4, 2), (4, 3))  # web processes, likes workers
PRINTED = ("likes per s, end to end", "cpu servers ms", "lost likes", "lost completions", "stale watchers")


class Scaled(Redheart):
    """Each connection of the load generator goes to the next web process."""

    def __init__(self, webs: int, workers: int) -> None:
        super().__init__("uvicorn-postgres")
        self.webs, self.workers = webs, workers
        self.ports = [self.port, *(free_port() for _ in range(webs - 1))]

    def start(self, servers: Servers) -> None:
        super().start(servers)
        procfile = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
        for number, port in enumerate(self.ports[1:], 2):
            servers.start(f"web{number}", shlex.split(UVICORN), cwd=ROOT, env=self.env | {"UVICORN_PORT": str(port)})
        for number in range(2, self.workers + 1):
            servers.start(f"worker-likes{number}", shlex.split(procfile["worker-likes"]), cwd=ROOT, env=self.env)
        until(lambda: all(map(accepts, self.ports)), "a web process does not respond")
        self.next_port = cycle(self.ports)

    @property
    def port(self) -> int:
        return next(self.next_port)

    @port.setter
    def port(self, port: int) -> None:
        """The first one, while the others do not run yet."""
        self.next_port = cycle([port])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    rounds: dict[str, dict[str, list[Numbers]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(parser.parse_args().rounds):
        for webs, workers in SIZES:
            for connections, numbers in measure(webs, workers).items():
                rounds[f"{webs} and {workers}"][connections].append(numbers)
                say(
                    f"  {webs} and {workers}, {connections}: "
                    + ", ".join(f"{name} {numbers[name]}" for name in PRINTED)
                )
    found: dict[str, Any] = {
        size: {connections: medians(measured) for connections, measured in by_connections.items()}
        for size, by_connections in rounds.items()
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "scaling.json").write_text(
        json.dumps({"machine": machine(), "median": found, "rounds": rounds}, indent=1)
    )
    print(json.dumps(found, indent=1))


def medians(measured: list[Numbers]) -> dict[str, float]:
    return {name: statistics.median(numbers[name] or 0 for numbers in measured) for name in PRINTED}


def measure(webs: int, workers: int) -> dict[str, Numbers]:
    """With 32 connections in all, and with 32 for each web process."""
    servers = Servers("scaling")
    try:
        system = Scaled(webs, workers)
        system.start(servers)
        return uvloop.run(_hot(system, servers))
    finally:
        say(servers.warnings())
        servers.stop()


async def _hot(system: Scaled, servers: Servers) -> dict[str, Numbers]:
    bench = Bench(system, servers)
    await bench.warm_up()
    await hot(bench)  # warms up every process
    return {"in all": await hot(bench), "each": await hot(bench, connections=CONNECTIONS * system.webs)}


if __name__ == "__main__":
    main()
