"""``python -m bench``: measures systems, prints tables and writes bench/results/<label>.json.

Rounds are interleaved: the first round of every system, then the second of every system, and so on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import subprocess
import sys
import time
import traceback
from typing import Any

import uvloop

from bench.measure import Bench, Numbers
from bench.postgres import have_postgres
from bench.scenarios import SCENARIOS
from bench.servers import ROOT, Servers
from bench.speed import speed
from bench.system import System
from bench.systems import load
from bench.table import Rounds, medians, ratios, show
from bench.targets import regressions, verdict

RESULTS = ROOT / "bench" / "results"
REDHEART = ["redheart:daphne-sqlite", "redheart:uvicorn-sqlite"]
SCENARIO_TIMEOUT = 300  # seconds


def default_systems(*, peers: bool) -> list[str]:
    if not peers:
        return REDHEART
    postgres = ["redheart:daphne-postgres", "redheart:uvicorn-postgres"] if have_postgres() else []
    return [*REDHEART, *postgres, "tutorial:sqlite", "node:postgres" if have_postgres() else "node:sqlite"]


async def measure(system: System, servers: Servers, scenarios: list[str]) -> dict[str, Numbers]:
    bench = Bench(system, servers)
    await bench.warm_up()
    found = {}
    for name in scenarios:
        started = time.perf_counter()
        found[name] = await asyncio.wait_for(SCENARIOS[name](bench), SCENARIO_TIMEOUT)
        say(f"  {name} in {time.perf_counter() - started:.0f} s")
    return found


def one_round(spec: str, scenarios: list[str], *, keep: bool, profile: bool) -> dict[str, Numbers]:
    """Starts a system, measures it and stops it. If it fails, prints why and returns no numbers."""
    servers = Servers(spec)
    try:
        system = load(spec)
        system.start(servers)
        if profile:
            RESULTS.mkdir(exist_ok=True)
            for role in [role for role in servers.roles if role in ("web", "worker-likes")]:
                servers.profile(role, RESULTS / f"{spec.replace(':', '-')}-{role}.raw")
        found = uvloop.run(measure(system, servers, scenarios))
    except Exception:
        traceback.print_exc()
        found = {}
        say(servers.logs())
    finally:
        say(servers.warnings())
        servers.stop(keep=keep)
    return found


def machine() -> dict[str, Any]:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version(),
            "speed": round(speed(), 2), "commit": commit.stdout.strip(),
            "when": time.strftime("%Y-%m-%d %H:%M:%S")}  # fmt: skip


def say(text: str) -> None:
    if text:
        print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--systems", help="such as redheart:uvicorn-postgres,node (default: Redheart, both servers)")
    parser.add_argument("--peers", action="store_true", help="the peers and PostgreSQL as well")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--label", default="latest", help="name of the file with the results")
    parser.add_argument("--keep", action="store_true", help="leave logs and databases in bench/run/")
    parser.add_argument("--profile", action="store_true", help="sample web and worker-likes with py-spy (raw stacks)")
    parser.add_argument(
        "--check", action="store_true", help="fail if a like or a view of daphne costs much more than before"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stop the servers first, as Ctrl-C does
    systems = options.systems.split(",") if options.systems else default_systems(peers=options.peers)
    scenarios = options.scenarios.split(",")
    rounds: Rounds = {system: {scenario: [] for scenario in scenarios} for system in systems}
    for number in range(1, options.rounds + 1):
        for system in systems:
            say(f"round {number} of {options.rounds}: {system}")
            for scenario, numbers in one_round(system, scenarios, keep=options.keep, profile=options.profile).items():
                rounds[system][scenario].append(numbers)
            write(options.label, rounds)
    report(rounds, options.label)
    if failed := [s for s, found in rounds.items() if any(len(n) < options.rounds for n in found.values())]:
        sys.exit(f"Not measured in every round: {', '.join(failed)}")
    if options.check and (worse := regressions(rounds[REDHEART[0]], speed())):
        sys.exit("Much more CPU time than before (bench/targets.py): " + "; ".join(worse))


def write(label: str, rounds: Rounds) -> None:
    """Writes the results after every system, so that an interrupted run keeps those it has."""
    RESULTS.mkdir(exist_ok=True)
    found = {"machine": machine(), "median": medians(rounds), "rounds": rounds}
    (RESULTS / f"{label}.json").write_text(json.dumps(found, indent=1))


def report(rounds: Rounds, label: str) -> None:
    found = medians(rounds)
    print(show(found))
    for system in found:
        if not system.startswith("redheart"):
            print(f"\n{ratios(found, system)}")
    print(f"\nbench/results/{label}.json\n{verdict(found)}")


if __name__ == "__main__":
    main()
