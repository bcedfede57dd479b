"""Rate limits that all processes share through Redis. While Redis is away, each process has limits of its own."""

from __future__ import annotations

import logging
from time import monotonic

from django.utils.crypto import salted_hmac
from redis import RedisError

from core.rate_limits import TokenBucket, networks_of
from core.redis import redis

PAUSE = 5  # seconds without Redis after it has failed: each attempt may take one
paused_until = 0.0  # on the clock of `monotonic`
log = logging.getLogger(__name__)

# The value is the time at which the bucket will be full again ("generic cell rate algorithm"). A time that is further
# away than an empty bucket allows comes from a clock that was set back.
TAKE = """
local time = redis.call('TIME')
local now, burst, rate = time[1] + time[2] / 1000000, tonumber(ARGV[1]), tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1]) or now)
full = math.min(math.max(full, now), now + burst / rate) + 1 / rate
local wait = full - burst / rate - now
if wait > 0.001 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.6f', full), 'EX', math.ceil(full - now))
return 0
"""
REMAINING = """
local time = redis.call('TIME')
local now, burst, rate = time[1] + time[2] / 1000000, tonumber(ARGV[1]), tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1]) or now)
return math.floor(math.max(0, burst - math.max(0, full - now) * rate + 0.001))
"""
GIVE_BACK = """
local full = redis.call('GET', KEYS[1])
if full then redis.call('SET', KEYS[1], string.format('%.6f', full - 1 / ARGV[2]), 'KEEPTTL') end
"""


class SharedBucket(TokenBucket):
    def __init__(self, name: str, *, burst: float, rate: float) -> None:
        """``name`` is the same in all processes and differs from that of any other bucket."""
        super().__init__(burst=burst, rate=rate)
        self.name = name

    def take(self, key: str) -> int:
        wait = self._run(TAKE, key)
        return super().take(key) if wait is None else wait

    def remaining(self, key: str) -> int:
        tokens = self._run(REMAINING, key)
        return super().remaining(key) if tokens is None else tokens

    def give_back(self, key: str) -> None:
        self._run(GIVE_BACK, key)
        super().give_back(key)

    def _run(self, script: str, key: str) -> int | None:
        """Returns what the script returns. None: Redis is away."""
        global paused_until
        if monotonic() < paused_until:
            return None
        try:
            return int(redis().eval(script, 1, self._redis_key(key), self.burst, self.rate) or 0)
        except RedisError as error:
            paused_until = monotonic() + PAUSE
            log.warning("rate limits are those of this process for %d seconds, because Redis is away: %r", PAUSE, error)
            return None

    def _redis_key(self, key: str) -> str:
        """Hashed with the SECRET_KEY: Redis keeps no addresses and no names."""
        return f"limit:{self.name}:{salted_hmac('rate limit', key, algorithm='sha256').hexdigest()[:32]}"


class NetworkLimit:
    """A limit for each network that an address belongs to. A network of the next size may do twice as much: whoever
    has an IPv6 /48 has 65,536 networks of /64."""

    def __init__(self, name: str, *, burst: float, rate: float) -> None:
        self.buckets = [SharedBucket(f"{name}:{n}", burst=burst * 2**n, rate=rate * 2**n) for n in range(3)]

    def take(self, address: str, *, about: object = "") -> int:
        """Returns 0, or the seconds to wait. ``about`` counts separately, for example for each post."""
        keys = [f"{network} {about}" for network in networks_of(address)]
        return max(bucket.take(key) for bucket, key in zip(self.buckets, keys, strict=False))
