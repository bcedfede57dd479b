"""Percentiles, and the CPU time of servers and load generator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from types import TracebackType

from bench.http import Connection
from bench.servers import Servers
from bench.system import System, Visitor

Numbers = dict[str, float | None]


def percentile(values: Iterable[float], share: int) -> float | None:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)] if ordered else None


def milliseconds(name: str, seconds: list[float], shares: Iterable[int] = (50, 95)) -> Numbers:
    found = {share: percentile(seconds, share) for share in shares}
    return {f"{name} p{share} ms": None if v is None else round(v * 1000, 2) for share, v in found.items()}


class Cpu:
    """``with Cpu(servers) as cpu: …`` measures the CPU seconds of each role in the block."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers

    def __enter__(self) -> Cpu:
        self.before, self.generator, self.started = self.servers.cpu(), time.process_time(), time.perf_counter()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        after = self.servers.cpu()
        self.spent = {role: after[role] - self.before[role] for role in after}
        self.generator = time.process_time() - self.generator
        self.wall = time.perf_counter() - self.started

    @property
    def total(self) -> float:
        return sum(self.spent.values())

    def per_like(self, likes: int) -> Numbers:
        found: Numbers = {f"cpu {role} ms": round(s * 1000 / likes, 3) for role, s in self.spent.items()}
        return {
            "cpu servers ms": round(self.total * 1000 / likes, 3),
            **found,
            "cpu generator ms": round(self.generator * 1000 / likes, 3),
        }


class Bench:
    """A running system, its visitors, and the posts that no scenario has used yet."""

    def __init__(self, system: System, servers: Servers) -> None:
        self.system, self.servers = system, servers
        self.visitors: list[Visitor] = system.visitors()
        self.unused = iter(system.posts())

    def posts(self, number: int) -> list[int]:
        return [next(self.unused) for _ in range(number)]

    def connection(self) -> Connection:
        return Connection(self.system.port)

    async def warm_up(self) -> None:
        connection, (post,) = self.connection(), self.posts(1)
        for liked in (True, False, True):
            for visitor in self.visitors[:10]:
                response = await connection.send(self.system.click(visitor, post, liked=liked))
                if response.status >= 400:
                    raise RuntimeError(f"a click got {response.status}: {response.body[:300]!r}")
        await asyncio.sleep(0.5)
        connection.close()
