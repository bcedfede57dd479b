from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from time import perf_counter

from bench.measure import Bench, Cpu, Numbers, milliseconds
from bench.screens import Screen, Screens
from bench.system import Visitor

LIKES, WATCHERS, CONNECTIONS = 2000, 100, 32
POSTS_PER_SCREEN = 100
QUIET = 2.0  # seconds without a message after which the burst is over


async def hot(bench: Bench, *, connections: int = CONNECTIONS) -> Numbers:
    """2,000 visitors like one post as fast as 32 connections allow; 100 of them watch it."""
    return await burst(bench, bench.posts(1), connections=connections)


async def spread(bench: Bench) -> Numbers:
    """The same, the likes spread over 100 posts that every watcher has on the screen."""
    return await burst(bench, bench.posts(100))


async def burst(
    bench: Bench,
    posts: list[int],
    *,
    likes: int = LIKES,
    watchers: int = WATCHERS,
    quiet_posts: Sequence[int] = (),
    connections: int = CONNECTIONS,
) -> Numbers:
    """The watchers watch the first `POSTS_PER_SCREEN` posts, and ``quiet_posts``, which nobody likes."""
    likes = round(likes * bench.system.share)
    run = _Run(bench, posts, likes, watchers, quiet_posts)
    before = await run.counts()
    await run.screens.open(bench.visitors[:watchers])
    await asyncio.sleep(0.5)
    for screen in run.screens.all:
        screen.trace.clear()
        screen.messages = screen.bytes = 0
    with Cpu(bench.servers) as cpu:
        started = perf_counter()
        await run.click_all(connections)
        accepted = perf_counter()
        await run.screens.wait_until_quiet(QUIET)
    counts = await run.counts()
    found = _outcome(run, before, counts, started, accepted)
    await run.screens.close()
    return {**found, **cpu.per_like(likes)}


class _Run:
    def __init__(
        self, bench: Bench, posts: list[int], likes: int, watchers: int, quiet_posts: Sequence[int] = ()
    ) -> None:
        self.bench, self.posts, self.likes, self.watchers = bench, posts, likes, watchers
        self.shown = posts[:POSTS_PER_SCREEN]
        self.screens = Screens(bench.system, [*self.shown, *quiet_posts])
        self.sent: dict[int, list[float]] = {post: [] for post in posts}
        self.answered: list[float] = []
        self.errors = 0

    def _clicks(self) -> Iterator[tuple[Visitor, int, bytes]]:
        """Prebuilt requests; the clicks of watchers are spread evenly over the burst."""
        clicking = min(self.watchers, WATCHERS)
        watchers, rest = self.bench.visitors[:clicking], iter(self.bench.visitors[clicking:])
        step = self.likes // (clicking or 1)
        for number in range(self.likes):
            turn, between = divmod(number, step)
            visitor = watchers[turn] if not between and turn < clicking else next(rest)
            post = self.posts[number % len(self.posts)]
            yield visitor, post, self.bench.system.click(visitor, post, liked=True)

    async def click_all(self, connections: int) -> None:
        clicks = iter(list(self._clicks()))
        watching = {screen.visitor.key for screen in self.screens.all}

        async def pump() -> None:
            connection = self.bench.connection()
            for visitor, post, raw in clicks:
                if visitor.key in watching:
                    self.screens.pending[visitor.key, post] = perf_counter()
                try:
                    response = await connection.send(raw)
                except (ConnectionError, TimeoutError):
                    self.errors += 1
                    continue
                if response.status >= 400:
                    self.errors += 1
                    continue
                self.answered.append(response.received - response.sent)
                self.sent[post].append(response.sent)
            connection.close()

        await asyncio.gather(*(pump() for _ in range(connections)))

    async def counts(self) -> dict[int, int]:
        connection = self.bench.connection()
        found = {post: await self.bench.system.count(connection, post) for post in self.posts}
        connection.close()
        return found


def _outcome(run: _Run, before: dict[int, int], counts: dict[int, int], started: float, accepted: float) -> Numbers:
    screens = run.screens.all
    correct = [screen for screen in screens if all(screen.shown.get(post) == counts[post] for post in run.shown)]
    ended = max((at for screen in correct for at in screen.since.values()), default=accepted)
    if len(correct) < len(screens):  # some never showed the final counts: until the last message
        ended = run.screens.last
    seen = [
        lag for screen in screens for post in run.shown for lag in _lags(screen, post, run.sent[post], before[post])
    ]
    return {
        "likes per s, end to end": round(run.likes / (ended - started), 1),
        "answered per s": round(len(run.answered) / (accepted - started), 1),
        **milliseconds("answered", run.answered),
        **milliseconds("click to saved", run.screens.completed),
        **milliseconds("seen", seen),
        "settled after last answer ms": round((ended - accepted) * 1000, 1),
        "errors": run.errors,
        "lost likes": len(run.answered) - sum(counts.values()) + sum(before.values()),
        "lost completions": len(run.screens.pending),
        "stale watchers": len(screens) - len(correct),
        "dropped sockets": sum(screen.closed for screen in screens),
        "messages per watcher": round(sum(s.messages for s in screens) / (len(screens) or 1), 1),
        "kB per watcher": round(sum(s.bytes for s in screens) / (len(screens) or 1) / 1000, 1),
    }


def _lags(screen: Screen, post: int, sent: list[float], before: int) -> Iterator[float]:
    """The k-th like of a post is seen when a screen first shows k or more: fair to systems that merge events."""
    clicks = sorted(sent)
    seen = 0
    for at, count in screen.trace[post]:
        for clicked in clicks[seen : count - before]:
            yield at - clicked
        seen = max(seen, count - before)
