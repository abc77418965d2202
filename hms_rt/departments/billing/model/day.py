"""A facility's day of cash: all its shifts are closed, and what they took is told once for ever."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from hms_rt.departments.billing.model.payment import Means


@dataclass(frozen=True, slots=True)
class MeansTotal:
    """What was received and given back by one means."""

    means: Means
    received: Decimal
    given_back: Decimal


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
