from __future__ import annotations

import asyncio
import contextlib
from time import perf_counter

from bench.measure import Bench, Cpu, Numbers, percentile
from bench.screens import Screen, Screens

SIZES, LIKES, WARM = (500, 2000), 6, 2
TIMEOUT = 10.0  # seconds; then an event counts as missed


async def fanout(bench: Bench) -> Numbers:
    """One like at a time while 500, then 2,000 watch: when it reaches the first, the median and the last."""
    found: Numbers = {}
    for size in SIZES:
        found |= await _fanout(bench, size)
        await asyncio.sleep(1)
    return found


async def _fanout(bench: Bench, size: int) -> Numbers:
    posts = bench.posts(WARM + LIKES)
    screens = Screens(bench.system, posts)
    await screens.open(bench.visitors[:size])
    await asyncio.sleep(1)
    connection, reached = bench.connection(), []
    with Cpu(bench.servers) as cpu:
        for post, visitor in zip(posts, bench.visitors, strict=False):
            clicked = perf_counter()
            arrivals = _arrivals(screens, post, size)
            await connection.send(bench.system.click(visitor, post, liked=True))
            reached.append([at - clicked for at in await arrivals])
            await asyncio.sleep(0.2)
    connection.close()
    await screens.close()
    times = [sorted(lags) for lags in reached[WARM:] if lags]
    return {
        f"first of {size} ms": _median([lags[0] for lags in times]),
        f"median of {size} ms": _median([lags[len(lags) // 2] for lags in times]),
        f"last of {size} ms": _median([lags[-1] for lags in times]),
        f"missed of {size}": sum(size - len(lags) for lags in reached),
        f"cpu per event to {size} us": round(cpu.total / len(posts) / size * 1e6, 1),
    }


def _arrivals(screens: Screens, post: int, size: int) -> asyncio.Task[list[float]]:
    """The times at which each screen shows the first like of the post."""
    at: dict[Screen, float] = {}
    all_arrived = asyncio.Event()

    def on_change(screen: Screen, now: float) -> None:
        if screen.shown.get(post) == 1:
            at.setdefault(screen, now)
            if len(at) == size:
                all_arrived.set()

    async def wait() -> list[float]:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(all_arrived.wait(), TIMEOUT)
        return list(at.values())

    screens.changed = on_change
    return asyncio.create_task(wait())


def _median(seconds: list[float]) -> float | None:
    found = percentile(seconds, 50)
    return None if found is None else round(found * 1000, 1)
