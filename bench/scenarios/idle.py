from __future__ import annotations

import asyncio

from bench.measure import Bench, Cpu, Numbers
from bench.screens import Screens

SOCKETS, FIRST, POSTS = 2000, 5, 20
REST = 8  # seconds


async def idle(bench: Bench) -> Numbers:
    """2,000 sockets that watch a page of 20 posts: what opening one and keeping it costs."""
    screens = Screens(bench.system, bench.posts(POSTS))
    await screens.open(bench.visitors[:FIRST])
    await asyncio.sleep(2)
    before = bench.servers.memory()
    with Cpu(bench.servers) as opening:
        await screens.open(bench.visitors[FIRST:SOCKETS])
    await asyncio.sleep(2)
    after = bench.servers.memory()
    with Cpu(bench.servers) as resting:
        await asyncio.sleep(REST)
    dropped = sum(screen.closed for screen in screens.all)
    await screens.close()
    opened = SOCKETS - FIRST
    return {
        "KiB per socket": round(sum(after[role] - before[role] for role in after) / opened, 1),
        "opened per s": round(opened / opening.wall, 1),
        "cpu per opening ms": round(opening.total / opened * 1000, 3),
        "cpu at rest, % of a core": round(resting.total / resting.wall * 100, 2),
        "MiB before": round(sum(before.values()) / 1024, 1),
        **{f"MiB before, {role}": round(kib / 1024, 1) for role, kib in before.items()},
        "dropped sockets": dropped,
    }
