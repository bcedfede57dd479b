"""``python -m bench.growth``: what likes cost as posts, likes and watchers grow. Writes bench/results/growth.json.

One Redheart (uvicorn, SQLite) gets bursts of likes on a post that has 10 to 100,000 likes already, over 1 to 5,000
posts, before 0 to 2,000 watchers, before watchers with 1 to 250 posts on the screen, and on posts of an author whose
bell has 10 to 5,000 groups. Each round measures all points in turn.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Sequence

import uvloop

from bench.__main__ import RESULTS, machine, say
from bench.measure import Bench, Numbers
from bench.scenarios.burst import burst
from bench.servers import Servers
from bench.system import VISITORS
from bench.systems.redheart import Redheart

EXISTING, POSTS, WATCHERS = (10, 1000, 100_000), (1, 10, 100, 1000, 5000), (0, 100, 500, 1000, 2000)
SCREENS, GROUPS = (1, 20, 100, 250), (10, 1000, 5000)
LIKES, SAME = 1000, 10  # same: posts of a burst that shows what the author's groups cost
PRINTED = ("answered per s", "cpu servers ms", "click to saved p50 ms", "lost likes", "stale watchers")
Points = dict[str, dict[int, list[Numbers]]]  # curve: x: one entry for each round


async def measure(system: Redheart, servers: Servers, rounds: int) -> Points:
    bench = Bench(system, servers)
    await bench.warm_up()
    await burst(bench, bench.posts(1), likes=LIKES)
    curves = ("existing likes", "posts", "watchers", "posts on the screen", "groups of the author")
    found: Points = {curve: defaultdict(list) for curve in curves}
    groups = 0
    for x in GROUPS:
        while groups < x - SAME:  # each like of another post makes a group
            groups += (more := min(LIKES, x - SAME - groups))
            await burst(bench, bench.posts(more), likes=more, watchers=0)
        for _ in range(rounds):
            found["groups of the author"][x].append(
                await point(bench, "groups of the author", x, bench.posts(SAME), 100)
            )
            groups += SAME
    for number, post in system.seed["grown"]:
        found["existing likes"][number].append(await point(bench, "existing likes", number, [post], 100))
    for _ in range(rounds):
        for x in POSTS:
            found["posts"][x].append(await point(bench, "posts", x, bench.posts(x), 100))
        for x in WATCHERS:
            found["watchers"][x].append(await point(bench, "watchers", x, bench.posts(1), x))
        for x in SCREENS:
            numbers = await point(bench, "posts on the screen", x, bench.posts(1), 100, bench.posts(x - 1))
            found["posts on the screen"][x].append(numbers)
    return found


async def point(
    bench: Bench, curve: str, x: int, posts: list[int], watchers: int, quiet_posts: Sequence[int] = ()
) -> Numbers:
    numbers = await burst(bench, posts, likes=LIKES, watchers=watchers, quiet_posts=quiet_posts)
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
    posts = (sum(POSTS) + len(WATCHERS) + sum(SCREENS) + SAME * len(GROUPS)) * rounds + GROUPS[-1] + 2
    system.seeding = [posts, VISITORS, *EXISTING * rounds]
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
