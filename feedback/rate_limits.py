"""How often one visitor and one network may write, and how many confirmations one address may get."""

from core.rate_limits import TokenBucket

visitors = TokenBucket(burst=20, rate=1 / 30)
networks = TokenBucket(burst=60, rate=1 / 5)
CONFIRMATIONS = 3  # to one address in a day: anybody can type any address
LONGEST = 5000  # characters of a message
QUICK = 3  # seconds in which no person fills in the form
LINKS = 2  # in a message that came as quickly as only a program can
