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
DOWNTIME = 0.5  # seconds until a killed role is started again
OVERDUE = 3.0  # seconds that a page waits for an outcome before it requests it (static/js/like.js)
RECOVERY_TIMEOUT = 60.0  # seconds


async def killed(bench: Bench) -> Numbers:
    """400 visitors like and unlike 10 posts, 2,000 clicks; the worker and Redis are killed (-9) in the middle."""
    if not bench.system.killable:
        return {}
    run = _Run(bench)
    await run.screens.open(bench.visitors[:VISITORS])
    await asyncio.sleep(0.5)
    faults = asyncio.create_task(run.kill())
    await run.click_all()
    accepted = perf_counter()
    await faults
    while not await run.recovered() and perf_counter() - accepted < RECOVERY_TIMEOUT:
        await run.request_overdue()
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
        self.errors = self.requests = 0

    async def click_all(self) -> None:
        """The clicks of a visitor follow one another on one connection, as in a browser."""
        visitors = iter(self.bench.visitors[:VISITORS])
        await asyncio.gather(*(self._pump(visitors) for _ in range(CONNECTIONS)))

    async def _pump(self, visitors: Iterator[Visitor]) -> None:
        connection, rng = self.bench.connection(), random.Random(7)
        for visitor in visitors:
            for _ in range(CLICKS):
                await self._click(connection, visitor, rng.choice(self.posts), liked=rng.random() < 0.7)
        connection.close()

    async def _click(self, connection: Connection, visitor: Visitor, post: int, *, liked: bool) -> None:
        self.screens.pending[visitor.key, post] = perf_counter()
        response = await connection.send(self.bench.system.click(visitor, post, liked=liked))
        if response.status >= 400:
            self.errors += 1
            return
        self.wanted[visitor.key, post] = liked
        self.answered.append(response.received - response.sent)

    async def kill(self) -> None:
        """Kills one role after the other, at a third and at two thirds of the clicks."""
        for number, role in enumerate(self.bench.system.killable, 1):
            while len(self.answered) < VISITORS * CLICKS * number // 3:
                await asyncio.sleep(0.005)
            await asyncio.to_thread(self.bench.servers.kill, role)
            await asyncio.sleep(DOWNTIME)
            await asyncio.to_thread(self.bench.servers.restart, role)

    async def request_overdue(self) -> None:
        """Requests the state for pages with a click that has been pending too long, as static/js/like.js does."""
        late = perf_counter() - OVERDUE
        overdue = {visitor for (visitor, _), clicked in self.screens.pending.items() if clicked < late}
        connection = self.bench.connection()
        for screen in [screen for screen in self.screens.all if screen.visitor.key in overdue]:
            response = await connection.send(self.bench.system.state_request(screen.visitor, self.posts))
            screen.show(self.bench.system.parse(response.body), perf_counter())
            self.requests += 1
        connection.close()

    def expected(self) -> dict[int, int]:
        return {post: sum(liked for (_, p), liked in self.wanted.items() if p == post) for post in self.posts}

    def stale(self) -> int:
        expected = self.expected()
        return sum(any(screen.shown.get(p) != n for p, n in expected.items()) for screen in self.screens.all)

    async def recovered(self) -> bool:
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
            "requests of overdue pages": self.requests,
            "recovered after s": round(perf_counter() - accepted, 1),
            "wrong counts": sum(counts[post] != n for post, n in expected.items()),
            "lost completions": len(self.screens.pending),
            "stale watchers": self.stale(),
            "dropped sockets": sum(screen.closed for screen in self.screens.all),
        }
