"""S1 to S7. Each takes a `Bench` and returns numbers by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bench.measure import Bench, Numbers
from bench.scenarios.burst import hot, spread
from bench.scenarios.fanout import fanout
from bench.scenarios.idle import idle
from bench.scenarios.killed import killed
from bench.scenarios.page import page
from bench.scenarios.single_clicks import single_clicks

Scenario = Callable[[Bench], Awaitable[Numbers]]
# In the order they run. Memory first, because sockets of other scenarios would have grown the heap.
SCENARIOS: dict[str, Scenario] = {
    "S5": idle,
    "S1": single_clicks,
    "S2": hot,
    "S3": spread,
    "S4": fanout,
    "S7": page,
    "S6": killed,
}
