"""How often one visitor may click and one account may write, and how many new visitors may come from one network."""

from core.rate_limits import TokenBucket

clicks = TokenBucket(burst=60, rate=10)  # by visitor
new_visitors = TokenBucket(burst=120, rate=0.5)  # by network
posts = TokenBucket(burst=300, rate=1 / 12)  # by account
