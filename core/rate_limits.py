"""How often somebody may do something: token buckets in memory.

They belong to the process, so a limit never needs Redis; several web processes allow so many times more.
"""

from __future__ import annotations

import math
from ipaddress import ip_address, ip_network
from time import monotonic


class TokenBucket:
    """Holds ``burst`` tokens for each key and gains ``rate`` a second."""

    def __init__(self, *, burst: float, rate: float) -> None:
        self.burst, self.rate = burst, rate
        self.left: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> int:
        """Takes a token. Returns 0, or the whole seconds until there is one again."""
        now = monotonic()
        tokens, at = self.left.get(key, (self.burst, now))
        tokens = min(self.burst, tokens + (now - at) * self.rate)
        if tokens < 1:
            return math.ceil((1 - tokens) / self.rate)
        self.left[key] = (tokens - 1, now)
        if len(self.left) > 100_000:
            self._forget(now)
        return 0

    def give_back(self, key: str) -> None:
        """Undoes a `take` that need not count."""
        if key in self.left:
            tokens, at = self.left[key]
            self.left[key] = (min(self.burst, tokens + 1), at)

    def _forget(self, now: float) -> None:
        """Drops the full buckets; if all are in use, all of them: a limit must not become a leak."""
        self.left = {k: v for k, v in self.left.items() if v[0] + (now - v[1]) * self.rate < self.burst}
        if len(self.left) > 50_000:
            self.left.clear()


def network(address: str) -> str:
    """The network that one person can easily have: /24 of IPv4, /64 of IPv6."""
    try:
        version = ip_address(address).version
    except ValueError:
        return address
    return str(ip_network(f"{address}/{24 if version == 4 else 64}", strict=False))
