"""Rate limits: token buckets in the memory of the process. Each process has its own, so n processes allow n times as
much. `core.shared_rate_limits` has buckets that they share."""

from __future__ import annotations

import math
from functools import lru_cache
from ipaddress import ip_address, ip_network
from time import monotonic

from django.utils.crypto import salted_hmac

MAX_BUCKETS = 100_000  # keys in memory


class TokenBucket:
    """A bucket for each key: it holds at most ``burst`` tokens and gains ``rate`` tokens a second."""

    def __init__(self, *, burst: float, rate: float) -> None:
        self.burst, self.rate = burst, rate
        self.buckets: dict[str, tuple[float, float]] = {}  # tokens, and when they were counted

    def take(self, key: str) -> int:
        """Takes a token. Returns 0, or if there is none the whole seconds until there is one."""
        now = monotonic()
        tokens, at = self.buckets.get(key, (self.burst, now))
        tokens = min(self.burst, tokens + (now - at) * self.rate)
        if tokens < 1:
            return math.ceil((1 - tokens) / self.rate)
        self.buckets[key] = (tokens - 1, now)
        if len(self.buckets) > MAX_BUCKETS:
            self._shrink(now)
        return 0

    def remaining(self, key: str) -> int:
        """The whole tokens in the bucket."""
        tokens, at = self.buckets.get(key, (self.burst, 0.0))
        return math.floor(min(self.burst, tokens + (monotonic() - at) * self.rate))

    def give_back(self, key: str) -> None:
        """Undoes a `take` that should not count."""
        if key in self.buckets:
            tokens, at = self.buckets[key]
            self.buckets[key] = (min(self.burst, tokens + 1), at)

    def _shrink(self, now: float) -> None:
        """Removes full buckets, which are as good as new; if that is not enough, all: memory stays bounded."""
        self.buckets = {k: v for k, v in self.buckets.items() if v[0] + (now - v[1]) * self.rate < self.burst}
        if len(self.buckets) > MAX_BUCKETS // 2:
            self.buckets.clear()


@lru_cache(maxsize=10_000)
def networks_of(address: str) -> tuple[str, ...]:
    """The networks that one person may well control, the smallest first: /24 of IPv4; /64, /56 and /48 of IPv6.
    Anything else is returned unchanged."""
    try:
        prefixes = (24,) if ip_address(address).version == 4 else (64, 56, 48)
    except ValueError:
        return (address,)
    return tuple(str(ip_network(f"{address}/{prefix}", strict=False)) for prefix in prefixes)


def network_of(address: str) -> str:
    return networks_of(address)[0]


@lru_cache(maxsize=10_000)
def network_hash(address: str) -> str:
    """Tells whether two visitors come from the same network, not from which: made with the SECRET_KEY."""
    return salted_hmac("redheart.network", network_of(address), algorithm="sha256").hexdigest()[:16] if address else ""
