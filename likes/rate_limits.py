"""How often one visitor may click and one account may write, and how many new visitors may come from one network."""

from core.rate_limits import TokenBucket
from core.shared_rate_limits import NetworkLimit, SharedBucket

clicks = TokenBucket(burst=60, rate=10)  # by visitor; protects this process, and must not wait for Redis
new_visitors = NetworkLimit("new visitors", burst=120, rate=0.5)
new_visitors_of_post = NetworkLimit("new visitors of a post", burst=120, rate=1 / 60)
posts = SharedBucket("posts", burst=300, rate=1 / 12)  # by account
