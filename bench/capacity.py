"""From what the bench has measured, how many processes 10,000, 100,000 and 1,000,000 watchers need, what is busy first,
and how late the last of them sees a like.

Simulates one web process: the ticks of its hub, while the rest of its work takes its share of the core.
"""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass, replace
from typing import NamedTuple

from bench.servers import ROOT
from live.hub import LONGEST_REST, REST_FACTOR, SHORTEST_REST

RESULTS = ROOT / "bench" / "results"
WATCHERS = (10_000, 100_000, 1_000_000)
SOCKETS = 10_000  # of a web process, to begin with
BUSY = 0.7  # of a core: with more, waiting times grow quickly
NETWORK = 1e9 / 8  # bytes a second out of one Redis machine
SETTLINGS = 50  # tasks a second that settle likes, under load: each broadcasts the new count of a post once
SECONDS = 20.0  # that are simulated


class Costs(NamedTuple):
    """CPU in seconds, memory and messages in bytes."""

    like_web: float
    like_worker: float
    like_database: float
    like_redis: float
    frame: float  # to one socket
    resting: float  # a second of a socket on which nothing happens
    opening: float  # a socket
    socket: float  # memory
    web: float  # memory of a web process without sockets
    received: float  # the events of one like that reach a web process
    message: float  # their bytes


class Audience(NamedTuple):
    name: str
    watchers: int
    pause: float  # seconds between two likes of one watcher
    posts: int  # that are liked; each watcher watches all of them, or one in ``pages``
    pages: int = 1

    @property
    def likes(self) -> float:
        """A second."""
        return self.watchers / self.pause

    @property
    def counts(self) -> float:
        """New counts a second: likes of one post that are settled together are one."""
        return min(self.likes, float(self.posts * SETTLINGS))


@dataclass(frozen=True)
class Site:
    web: int
    workers: int = 1
    redis: int = 1  # BROADCAST_REDIS_URLS


class Use(NamedTuple):
    """The share of a core of each process, and of the network of a Redis machine."""

    web: float
    worker: float
    redis: float
    network: float

    def busiest(self) -> str:
        return max(self._fields, key=lambda name: getattr(self, name))


def read_costs() -> Costs:
    [found] = json.loads((RESULTS / "capacity.json").read_text())["median"].values()
    broadcast = json.loads((RESULTS / "broadcast.json").read_text())["medians"]["1 webs, 1 groups, batches of 500"]
    hot, fan_out, idle = found["S2"], found["S4"], found["S5"]
    return Costs(
        like_web=hot["cpu web ms"] / 1e3,
        like_worker=hot["cpu worker-likes ms"] / 1e3,
        like_database=hot["cpu db ms"] / 1e3,
        like_redis=hot["cpu redis ms"] / 1e3,
        frame=fan_out["cpu per event to 2000 us"] / 1e6,
        resting=idle["cpu at rest, % of a core"] / 100 / 2000,
        opening=idle["cpu per opening ms"] / 1e3,
        socket=idle["KiB per socket"] * 1024,
        web=idle["MiB before, web"] * 2**20,
        received=broadcast["web CPU ms"] / 1e6,
        message=broadcast["web KB"],
    )


def simulate(costs: Costs, audience: Audience, site: Site) -> tuple[Use, float]:
    """How busy everything is, and within how many seconds 95 of 100 counts have reached their last watcher."""
    sockets, likes = audience.watchers / site.web, audience.likes / site.web
    # The share of likes that a web process gets: those of the pages that it shows, if they are settled one by one.
    reach = 1 - (1 - 1 / audience.pages) ** sockets if audience.likes <= SETTLINGS else 1.0
    other = likes * (costs.like_web + costs.frame) + audience.likes * reach * costs.received + sockets * costs.resting
    frames, late = ticks(audience.counts * reach, sockets, sockets / (audience.pages * reach), other, costs.frame)
    out = audience.likes * costs.message * reach * site.web
    redis = audience.likes * costs.like_redis * (1 + (reach * site.web - 1) / 10)  # each receiver adds a tenth
    return (
        Use(
            web=other + frames * costs.frame,
            worker=audience.likes * costs.like_worker / site.workers,
            redis=redis / site.redis,
            network=out / NETWORK / site.redis,
        ),
        late,
    )


def ticks(counts: float, sockets: float, watching: float, other: float, frame: float) -> tuple[float, float]:
    """Frames a second, and the delay in seconds: counts arrive at random, a tick sends those that have come to the
    sockets that watch them, then rests. ``other``: the share of the core that the rest of the process takes."""
    if other >= 1:
        return sockets, math.inf
    chance, now, sent, delays, arrived = random.Random(1), 0.0, 0.0, list[float](), list[float]()  # noqa: S311
    following = chance.expovariate(counts)
    while now < SECONDS:
        while following <= now:
            arrived.append(following)
            following += chance.expovariate(counts)
        if not arrived:
            now = following
            continue
        frames = min(sockets, len(arrived) * watching)
        took = frames * frame / (1 - other)
        now, sent = now + took, sent + frames
        delays += [now - at for at in arrived]
        arrived.clear()
        now += min(max(SHORTEST_REST, REST_FACTOR * took), LONGEST_REST)
    return sent / now, sorted(delays)[int(len(delays) * 0.95)]


def sufficient(costs: Costs, audience: Audience, site: Site) -> Site:
    """The site with as many processes as it needs, none of which is too busy."""
    while max(found := simulate(costs, audience, site)[0]) > BUSY:
        part = found.busiest()
        name = {"worker": "workers", "network": "redis"}.get(part, part)
        number = getattr(site, name)
        site = replace(site, **{name: max(number + 1, math.ceil(number * min(getattr(found, part) / BUSY, 2.0)))})
    return site


AUDIENCES = [
    *(Audience("an event: all watch one post", n, 600, 1) for n in WATCHERS),
    *(Audience("an event, each likes once a minute", n, 60, 1) for n in WATCHERS),
    *(Audience("a site of 1,000 pages", n, 600, 1000, 1000) for n in WATCHERS),
]
