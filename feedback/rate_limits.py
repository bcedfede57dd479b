"""Limits of the feedback form: for a visitor, a network and an email address."""

from core.shared_rate_limits import NetworkLimit, SharedBucket

visitors = SharedBucket("feedback of a visitor", burst=20, rate=1 / 30)
networks = NetworkLimit("feedback", burst=60, rate=1 / 5)
confirmations = SharedBucket("confirmations", burst=200, rate=1 / 10)  # of the whole site
MAX_CONFIRMATIONS = 3  # to one mailbox in a day: anybody can type any address
MAX_MESSAGE = 5000  # characters
MIN_FILL_TIME = 3  # seconds that a person needs for the form
MAX_LINKS = 2  # in a message that came faster than that
