"""A facility's day of cash: all its shifts are closed, and what they took is told once for ever."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from hms_rt.departments.billing.model.payment import Means


@dataclass(frozen=True, slots=True)
class MeansTotal:
    """What was there before, received, given back and counted by one means, of all shifts together.

    ``counted`` is None where a shift closed before every means was counted.
    """

    means: Means
    opening: Decimal
    received: Decimal
    given_back: Decimal
    counted: Decimal | None

    @property
    def expected(self) -> Decimal:
        """What should be there."""
        return self.opening + self.received - self.given_back

    @property
    def difference(self) -> Decimal | None:
        """What is there beyond that, or is missing."""
        return None if self.counted is None else self.counted - self.expected


@dataclass(frozen=True, slots=True)
class DayClose:
    """What the shifts of a day, and of the days before that were not closed, say together."""

    id: uuid.UUID
    facility: str
    day: date
    number: int
    shifts: int
    opening_cash: Decimal
    counted: Decimal
    difference: Decimal
    closed_at: datetime
    closed_by: uuid.UUID
    means: tuple[MeansTotal, ...]
