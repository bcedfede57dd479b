"""Limits on what people do with accounts, each for a network, an account or an email address."""

from core.rate_limits import TokenBucket, network_of
from core.shared_rate_limits import NetworkLimit, SharedBucket

DAY = 24 * 3600  # seconds
new_accounts = NetworkLimit("new accounts", burst=60, rate=1 / 20)
sign_ins = NetworkLimit("sign-in", burst=60, rate=1 / 10)
sign_ins_of_account_in_network = SharedBucket("sign-in of an account from a network", burst=10, rate=1 / 60)
sign_ins_of_account = SharedBucket("sign-in of an account", burst=100, rate=1 / 10)
resets = NetworkLimit("password reset", burst=20, rate=1 / 60)
resets_of_mailbox = SharedBucket("password reset of a mailbox", burst=3, rate=1 / 3600)
confirmations_of_account = SharedBucket("confirmations of an account", burst=5, rate=5 / DAY)
confirmations_to_mailbox = SharedBucket("confirmations to a mailbox", burst=3, rate=3 / DAY)  # anybody can enter any


class PasswordAttempt:
    """One attempt to give the password of an account; a right one does not count."""

    def __init__(self, account: str, address: str) -> None:
        """``account`` is a name as it was typed, ``address`` the IP address of the client."""
        name, self.address = account.casefold(), address
        self.limits: list[tuple[TokenBucket, str]] = [
            (sign_ins_of_account_in_network, f"{network_of(address)} {name}"),
            (sign_ins_of_account, name),
        ]

    def take(self) -> int:
        """Returns 0, or the seconds to wait."""
        return sign_ins.take(self.address) or next((w for bucket, key in self.limits if (w := bucket.take(key))), 0)

    def give_back(self) -> None:
        for bucket, key in self.limits:
            bucket.give_back(key)
