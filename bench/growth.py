"""``python -m bench.growth``: what likes cost as posts, likes and watchers grow. Writes bench/results/growth.json.

One Redheart (uvicorn, SQLite) gets bursts of likes on a post that has 10 to 100,000 likes already, over 1 to 5,000
posts, and before 0 to 2,000 watchers. Each round measures all points in turn.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict

import uvloop

from bench.__main__ import RESULTS, machine, say
from bench.measure import Bench, Numbers
from bench.scenarios.burst import burst
from bench.servers import Servers
from bench.system import VISITORS
from bench.systems.redheart import Redheart

EXISTING, POSTS, WATCHERS = (10, 1000, 100_000), (1, 10, 100, 1000, 5000), (0, 100, 500, 1000, 2000)
LIKES = 1000
PRINTED = ("answered per s", "cpu servers ms", "click to saved p50 ms", "lost likes", "stale watchers")
Points = dict[str, dict[int, list[Numbers]]]  # curve: x: one entry for each round


async def measure(system: Redheart, servers: Servers, rounds: int) -> Points:
    bench = Bench(system, servers)
    await bench.warm_up()
    await burst(bench, bench.posts(1), likes=LIKES)
    found: Points = {curve: defaultdict(list) for curve in ("existing likes", "posts", "watchers")}
    for number, post in system.seed["grown"]:
        found["existing likes"][number].append(await point(bench, "existing likes", number, [post], 100))
    for _ in range(rounds):
        for x in POSTS:
            found["posts"][x].append(await point(bench, "posts", x, bench.posts(x), 100))
        for x in WATCHERS:
            found["watchers"][x].append(await point(bench, "watchers", x, bench.posts(1), x))
    return found


async def point(bench: Bench, curve: str, x: int, posts: list[int], watchers: int) -> Numbers:
    numbers = await burst(bench, posts, likes=LIKES, watchers=watchers)
    say(f"  {curve} {x}: " + ", ".join(f"{name} {numbers[name]}" for name in PRINTED))
    return numbers


def medians(found: Points) -> dict[str, dict[int, Numbers]]:
    return {
        curve: {
            x: {name: statistics.median(n[name] or 0 for n in rounds) for name in (*PRINTED, "cpu web ms")}
            for x, rounds in points.items()
        }
        for curve, points in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    rounds: int = parser.parse_args().rounds
    system = Redheart("uvicorn-sqlite")
    system.seeding = [(sum(POSTS) + len(WATCHERS)) * rounds + 2, VISITORS, *EXISTING * rounds]
    servers = Servers("growth")
    try:
        system.start(servers)
        found = uvloop.run(measure(system, servers, rounds))
    finally:
        say(servers.warnings())
        servers.stop()
    RESULTS.mkdir(exist_ok=True)
    result = {"machine": machine(), "median": medians(found), "rounds": found}
    (RESULTS / "growth.json").write_text(json.dumps(result, indent=1))
    print(json.dumps(result["median"], indent=1))


if __name__ == "__main__":
    main()
