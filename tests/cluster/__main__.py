"""``python -m tests.cluster``: starts a site on two machines and restarts its processes one after the other, while
people click. ``--keep`` leaves it running until Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from threading import Event

from tests.cluster.cluster import Cluster, cluster
from tests.cluster.load import Load


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder, cluster(Path(folder)) as running:
        show(running)
        problems = rolling_restart(running)
        if options.keep:
            print("The cluster runs until Ctrl-C.", flush=True)
            wait()
    sys.exit(1 if problems else 0)


def show(cluster: Cluster) -> None:
    print(f"nginx         {cluster.url}/")
    for part in cluster.parts:
        print(f"machine {part.name:22} {part.url if part in cluster.web else ''}", flush=True)


def rolling_restart(cluster: Cluster) -> list[str]:
    """Restarts each process once under load. Returns what went wrong."""
    load = Load(cluster)
    with load.running():
        for part in cluster.parts:
            began, clicks = time.monotonic(), load.visitors.clicks()
            cluster.restart(part)
            took, clicked = time.monotonic() - began, load.visitors.clicks() - clicks
            print(f"restarted {part.name:20} in {took:4.1f} s, {clicked} clicks meanwhile", flush=True)
    problems = [*load.errors]
    try:
        load.visitors.expect_nothing_lost()
    except AssertionError as error:
        problems.append(str(error))
    load.close()
    print(f"{load.visitors.clicks()} clicks, {load.views} page views, {load.reconnects} sockets connected again")
    print("\n".join(problems) or "nothing failed, nothing was lost", flush=True)
    return problems


def wait() -> None:
    try:
        Event().wait()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
