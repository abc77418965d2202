"""Refused attempts of external servers: every one is counted, and a flood of them is a few lines.

The first of a kind stands in the audit trail at once; what follows within a minute is one line with their
number, written when the minute is over. So a kind of refusal is at most two lines a minute of an account and
server process, however many there are, and nobody's tries go unseen.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from hms_rt.kernel.principal import Principal

WINDOW = timedelta(minutes=1)
MOST_ADDRESSES = 8
"""Different addresses that a line names."""


class Refusal(StrEnum):
    """Why an external server got nothing."""

    UNKNOWN = "unknown_secret"
    REVOKED = "revoked_secret"
    ACCOUNT_REVOKED = "account_revoked"
    EXPIRED = "account_expired"
    ADDRESS = "address"
    RATE = "rate"
    SCOPE = "scope"  # a stream beyond the account's
    OTHER_DOOR = "other_door"  # anything but the feed


@dataclass(slots=True)
class Tally:
    """Refusals of one kind and account that follow the first one, which stands in the trail already."""

    principal: Principal | None
    since: datetime
    count: int = 0
    addresses: list[str] = field(default_factory=list)
    failed: bool = False

    def one_more(self, address: str) -> None:
        """Count one; the first few addresses are kept."""
        self.count += 1
        if address not in self.addresses and len(self.addresses) < MOST_ADDRESSES:
            self.addresses.append(address)

    def unwritten(self, before: "Tally | None", address: str) -> None:
        """Its first line failed: that one is counted, and what was counted ``before``; the next one tries
        again at once."""
        self.one_more(address)
        self.failed = True
        if before is not None and before.count:
            self.count += before.count
            self.addresses = (before.addresses + self.addresses)[:MOST_ADDRESSES]

    def over(self, now: datetime) -> bool:
        """True once its minute has passed; or if the clock was set back before it."""
        return self.failed or not self.since <= now < self.since + WINDOW
