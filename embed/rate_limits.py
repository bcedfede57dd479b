"""Limits of a whole site, beside those of `likes.rate_limits` for each visitor and network."""

from core.rate_limits import TokenBucket
from core.shared_rate_limits import SharedBucket

clicks = TokenBucket(burst=2000, rate=200)  # by site; in the memory of the process, because the like endpoint is hot
feedback = SharedBucket("feedback of a site", burst=500, rate=5)  # messages and ratings
new_pages = SharedBucket("new pages of a site", burst=1000, rate=1000 / 3600)
api = SharedBucket("API key", burst=600, rate=10)  # by key
