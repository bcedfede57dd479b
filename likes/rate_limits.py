"""How often one visitor may click, and how many new visitors one network may bring."""

from core.rate_limits import TokenBucket

clicks = TokenBucket(burst=60, rate=10)  # by visitor
newcomers = TokenBucket(burst=120, rate=0.5)  # by network
