from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from time import perf_counter

from bench.http import Connection
from bench.measure import Bench, Numbers, milliseconds
from bench.screens import Screens
from bench.system import Visitor

VISITORS, POSTS, CLICKS, CONNECTIONS = 400, 10, 5, 32
DOWN = 0.5  # seconds until what was killed is started again
OVERDUE = 3.0  # seconds that a page waits for what became of a click until it asks (static/js/like.js)
HEALED = 60.0  # seconds in which everything must be right again


async def killed(bench: Bench) -> Numbers:
    """400 visitors like and unlike 10 posts, 2,000 clicks; the worker and Redis are killed (-9) in the middle."""
    if not bench.system.mortal:
        return {}
    run = _Run(bench)
    await run.screens.open(bench.visitors[:VISITORS])
    await asyncio.sleep(0.5)
    faults = asyncio.create_task(run.kill())
    await run.click_all()
    accepted = perf_counter()
    await faults
    while not await run.right() and perf_counter() - accepted < HEALED:
        await run.ask_if_overdue()
        await asyncio.sleep(0.1)
    found = await run.outcome(accepted)
    await run.screens.close()
    return found


class _Run:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.posts = bench.posts(POSTS)
        self.screens = Screens(bench.system, self.posts)
        self.wanted: dict[tuple[str, int], bool] = {}  # the last accepted click of each visitor on each post
        self.answered: list[float] = []
        self.errors = self.asked = 0

    async def click_all(self) -> None:
        """Each visitor's clicks follow one another on one connection, as a browser's do."""
        visitors = iter(self.bench.visitors[:VISITORS])
        await asyncio.gather(*(self._pump(visitors) for _ in range(CONNECTIONS)))

    async def _pump(self, visitors: Iterator[Visitor]) -> None:
        connection, chance = self.bench.connection(), random.Random(7)
        for visitor in visitors:
            for _ in range(CLICKS):
                await self._click(connection, visitor, chance.choice(self.posts), liked=chance.random() < 0.7)
        connection.close()

    async def _click(self, connection: Connection, visitor: Visitor, post: int, *, liked: bool) -> None:
        self.screens.pending[visitor.key, post] = perf_counter()
        answer = await connection.send(self.bench.system.click(visitor, post, liked=liked))
        if answer.status >= 400:
            self.errors += 1
            return
        self.wanted[visitor.key, post] = liked
        self.answered.append(answer.answered - answer.sent)

    async def kill(self) -> None:
        """One after the other, at a third and at two thirds of the clicks."""
        for number, role in enumerate(self.bench.system.mortal, 1):
            while len(self.answered) < VISITORS * CLICKS * number // 3:
                await asyncio.sleep(0.005)
            await asyncio.to_thread(self.bench.servers.kill, role)
            await asyncio.sleep(DOWN)
            await asyncio.to_thread(self.bench.servers.restart, role)

    async def ask_if_overdue(self) -> None:
        """As the pages do whose heart has been pending for long."""
        late = perf_counter() - OVERDUE
        overdue = {visitor for (visitor, _), clicked in self.screens.pending.items() if clicked < late}
        connection = self.bench.connection()
        for screen in [screen for screen in self.screens.all if screen.visitor.key in overdue]:
            answer = await connection.send(self.bench.system.ask(screen.visitor, self.posts))
            screen.show(self.bench.system.parse(answer.body), perf_counter())
            self.asked += 1
        connection.close()

    def expected(self) -> dict[int, int]:
        return {post: sum(liked for (_, p), liked in self.wanted.items() if p == post) for post in self.posts}

    def stale(self) -> int:
        expected = self.expected()
        return sum(any(screen.shown.get(p) != n for p, n in expected.items()) for screen in self.screens.all)

    async def right(self) -> bool:
        return not self.stale() and not self.screens.pending and await self.counts() == self.expected()

    async def counts(self) -> dict[int, int]:
        connection = self.bench.connection()
        found = {post: await self.bench.system.count(connection, post) for post in self.posts}
        connection.close()
        return found

    async def outcome(self, accepted: float) -> Numbers:
        counts, expected = await self.counts(), self.expected()
        return {
            "accepted": len(self.answered),
            **milliseconds("answered", self.answered),
            "errors": self.errors,
            "pages that had to ask": self.asked,
            "right again after s": round(perf_counter() - accepted, 1),
            "wrong counts": sum(counts[post] != n for post, n in expected.items()),
            "lost completions": len(self.screens.pending),
            "stale watchers": self.stale(),
            "dropped sockets": sum(screen.closed for screen in self.screens.all),
        }
