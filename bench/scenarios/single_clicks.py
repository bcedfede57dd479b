from __future__ import annotations

import asyncio

from bench.http import Connection
from bench.measure import Bench, Cpu, Numbers, milliseconds
from bench.screens import Screen, Screens
from bench.system import Visitor

WATCHERS, POSTS = 10, 20
TIMEOUT = 3.0  # seconds; then an event counts as lost
PAUSE = 0.02  # seconds between two clicks


async def single_clicks(bench: Bench) -> Numbers:
    """One click at a time: 200 clicks by 10 visitors on 20 posts in turn, all of them watching."""
    posts = bench.posts(POSTS)
    screens = Screens(bench.system, posts)
    await screens.open(bench.visitors[:WATCHERS])
    await asyncio.sleep(0.5)
    run = _Run(bench, screens)
    with Cpu(bench.servers) as cpu:
        for likes, screen in enumerate(screens.all, 1):
            for post in posts:
                await run.click(screen, post, likes)
                await asyncio.sleep(PAUSE)
    await screens.close()
    run.connection.close()
    return {
        **milliseconds("answered", run.answered),
        **milliseconds("click to saved", screens.completed),
        **milliseconds("seen by others", run.seen),
        "lost events": run.lost,
        "lost completions": len(screens.pending),
        **cpu.per_like(WATCHERS * POSTS),
    }


class _Run:
    def __init__(self, bench: Bench, screens: Screens) -> None:
        self.system, self.screens = bench.system, screens
        self.connection: Connection = bench.connection()
        self.answered: list[float] = []
        self.seen: list[float] = []
        self.lost = 0

    async def click(self, clicker: Screen, post: int, likes: int) -> None:
        """Returns when every screen shows so many likes and the clicker has the outcome."""
        visitor: Visitor = clicker.visitor
        all_arrived = asyncio.Event()

        def on_change(screen: Screen, now: float) -> None:
            missing.discard(screen) if screen.shown.get(post) == likes else None
            if not missing and (visitor.key, post) not in self.screens.pending:
                all_arrived.set()

        missing = set(self.screens.all)
        self.screens.changed = on_change
        raw = self.system.click(visitor, post, liked=True)
        clicked = self.screens.pending[visitor.key, post] = asyncio.get_running_loop().time()
        response = await self.connection.send(raw)
        assert response.status < 400, response
        self.answered.append(response.received - response.sent)
        try:
            await asyncio.wait_for(all_arrived.wait(), TIMEOUT)
        except TimeoutError:
            self.lost += len(missing)
        self.seen += [s.since[post] - clicked for s in self.screens.all if s is not clicker and s not in missing]
