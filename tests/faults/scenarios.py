"""The faults of ``make faults``, each with its site and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.faults import injections as faults
from tests.faults import sites
from tests.faults.proxy import Proxy
from tests.live import Live

Fault = Callable[[Live], AbstractContextManager[None]]
Site = Callable[[Path], AbstractContextManager[Live]]


class Scenario(NamedTuple):
    name: str
    fault: Fault
    site: Site = Live
    max_pause: float = 5  # seconds without an accepted click
    max_settled: float = 20  # seconds without any settled like, and after the last click until every count is right
    red: bool = False  # whether /healthz/ must turn red
    answering: bool = True  # whether the web process answers all the time


redis_proxies: list[Proxy] = []
rabbitmq_proxies: list[Proxy] = []
postgres_proxies: list[Proxy] = []
SCENARIOS = [
    Scenario("likes worker killed 3 times", lambda site: faults.killed(site, faults.WORKER)),
    Scenario("Redis killed 3 times", lambda site: faults.killed(site, faults.REDIS)),
    Scenario("web process killed 3 times", lambda site: faults.killed(site, faults.WEB), max_pause=12, answering=False),
    Scenario(
        "everything killed 3 times",
        lambda site: faults.killed(site, faults.WORKER, faults.REDIS, faults.WEB, faults.BEAT),
        max_pause=30,
        answering=False,
    ),
    Scenario("Redis emptied 5 times", faults.emptied_redis),
    Scenario(
        "Redis hangs for 20 s",
        lambda site: faults.stopped(site, faults.REDIS, 20, for_ever=False),
        max_settled=30,
        red=True,
    ),
    Scenario("likes worker hangs", lambda site: faults.stopped(site, faults.WORKER, 25), max_pause=25),
    Scenario("web process hangs", lambda site: faults.stopped(site, faults.WEB, 25), max_pause=30, answering=False),
    Scenario("beat hangs", lambda site: faults.stopped(site, faults.BEAT, 25)),
    Scenario("SQLite locked for 20 s", faults.locked_sqlite, max_pause=25, red=True),
    Scenario(
        "one like locked for 30 s",
        lambda site: faults.locked_row(site, "SELECT 1 FROM likes_like ORDER BY id DESC"),
        sites.on_postgres,
        max_pause=8,
    ),
    Scenario(
        "one post locked for 30 s",
        lambda site: faults.locked_row(site, "SELECT 1 FROM likes_post WHERE id = 1"),
        sites.on_postgres,
    ),
    Scenario("PostgreSQL's connections killed 3 times", faults.killed_backends, sites.on_postgres),
    Scenario("PostgreSQL read-only for 20 s", faults.read_only_postgres, sites.on_postgres, max_pause=30, red=True),
    Scenario(
        "PostgreSQL hangs for 20 s",
        lambda site: faults.held(site, postgres_proxies),
        partial(sites.on_postgres, through=postgres_proxies),
        max_pause=50,
        max_settled=45,
        red=True,
    ),
    Scenario(
        "all connections to Redis silent",
        lambda site: faults.silent(site, redis_proxies),
        partial(sites.behind_redis_proxy, proxies=redis_proxies),
        max_settled=45,
    ),
    Scenario(
        "all connections to RabbitMQ silent",
        lambda site: faults.silent(site, rabbitmq_proxies),
        partial(sites.behind_rabbitmq_proxy, proxies=rabbitmq_proxies),
        max_settled=45,
    ),
    Scenario(
        "clock of the site set back by an hour",
        lambda site: faults.stepped_clock(site, -3600),
        sites.with_other_clock,
        max_pause=2,
    ),
    Scenario(
        "clock set forward by an hour, and back",
        lambda site: faults.stepped_clock(site, 3600, 0),
        sites.with_other_clock,
    ),
    Scenario(
        "web process a minute behind",
        lambda site: faults.stepped_clock(site, -60),
        partial(sites.with_other_clock, parts="daphne"),
    ),
    Scenario(
        "beat an hour ahead, then back",
        lambda site: faults.stepped_clock(site, 3600, 0),
        partial(sites.with_other_clock, parts="beat"),
    ),
    Scenario("disk full for 15 s", faults.full_disk, sites.on_a_small_disk, max_pause=25, red=True),
    Scenario("100 webhooks hang", faults.hanging_webhooks, partial(Live, OUTSIDE_ALLOW="127.0.0.1")),
    Scenario("300 pages come back at once", faults.herd, max_pause=12, answering=False),
    Scenario("make restart under 300 pages", faults.restarted, max_pause=2),
    Scenario("200 pages never read", faults.deaf_sockets),
    Scenario("a minute of clicks", faults.soak),
]
