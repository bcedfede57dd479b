"""``python -m bench.broadcast``: what broadcasts cost each web process. Writes bench/results/broadcast.json.

Each web process is a hub without sockets of browsers: its pages watch an equal part of 10,000 posts. One process
broadcasts the likes of random posts as the worker does, a count and an outcome for each, in batches of 1 to 500.
Measured with 1, 2 and 4 web processes, for 1,000 likes: CPU of one web process and what it receives, and CPU of the
sender. One group instead of many is how it would be if every web process got everything. Needs a Redis: ``REDIS_URL``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from itertools import product

from bench.__main__ import RESULTS, machine, say
from live.groups import GROUPS

TOPICS, LIKES = 10_000, 5000
WEBS, BATCHES = (1, 2, 4), (1, 4, 500)
PAGE = 100  # topics that one page watches
Numbers = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--webs", type=int, nargs="+", default=WEBS)
    parser.add_argument("--groups", type=int, nargs="+", default=(1, GROUPS))
    options = parser.parse_args()
    found: dict[str, list[Numbers]] = defaultdict(list)
    for _ in range(options.rounds):
        for webs, groups, batch in product(options.webs, options.groups, BATCHES):
            numbers = measure(webs, groups, batch)
            found[f"{webs} webs, {groups} groups, batches of {batch}"].append(numbers)
            say(f"  {webs} webs, {groups} groups, batches of {batch}: {numbers}")
            if numbers["missed"]:
                sys.exit("Broadcasts were lost, so this says nothing. Does REDIS_URL name a Redis that runs?")
    medians = {name: {key: statistics.median(n[key] for n in each) for key in each[0]} for name, each in found.items()}
    RESULTS.mkdir(exist_ok=True)
    content = {"machine": machine(), "medians": medians, "rounds": found}
    (RESULTS / "broadcast.json").write_text(json.dumps(content, indent=1))


def measure(webs: int, groups: int, batch: int) -> Numbers:
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "project.settings"}
    command = [sys.executable, "-m", "bench.broadcast_processes", str(groups)]
    arguments = [[*command, "web", str(number), str(webs)] for number in range(webs)]
    started = [subprocess.Popen(each, env=env, stdin=-1, stdout=-1, text=True) for each in arguments]
    for process in started:
        assert process.stdout and process.stdout.readline() == "ready\n"
    sent = json.loads(subprocess.check_output([*command, "sender", str(batch)], env=env, text=True))
    results = [json.loads(process.communicate("stop\n")[0]) for process in started]
    return {
        "web CPU ms": round(1000 * statistics.mean(each["cpu"] for each in results) * 1000 / LIKES, 1),
        "web KB": round(statistics.mean(each["bytes"] for each in results) / LIKES),
        "messages": round(statistics.mean(each["messages"] for each in results) * 1000 / LIKES),
        "sender CPU ms": round(1000 * sent["cpu"] * 1000 / LIKES, 1),
        "missed": sum(each["missed"] for each in results),
    }


if __name__ == "__main__":
    main()
