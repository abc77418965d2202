"""How much of a medicine a store may hand over, and when that is told to be little."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

NEAR_EXPIRY_DAYS = 90
"""Before the last day of use: what is told then can still be used up, moved or sent back."""


class StockStanding(StrEnum):
    """How the stock of a lot stands."""

    USABLE = "usable"
    NEAR_EXPIRY = "near_expiry"  # usable, but not for long
    EXPIRED = "expired"  # to be written off
    RECALLED = "recalled"


class ExpiryNotice(StrEnum):
    """What a store is told of a lot, once each."""

    NEAR_EXPIRY = "near_expiry"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a store has of a medicine that is neither recalled nor expired, in its ``dispense_unit``.

    ``told``: the pharmacists know that it is low. ``version`` counts changes of the reorder level.
    """

    store: str
    medicine: str
    usable: Decimal = Decimal(0)
    reorder_level: Decimal | None = None
    told: bool = False
    version: int = 0

    @property
    def low(self) -> bool:
        """Whether it is time to order: no more is left than the reorder level."""
        return self.reorder_level is not None and self.usable <= self.reorder_level

    @property
    def shown(self) -> bool:
        """Whether lists and the store's room show it."""
        return self.usable > 0 or self.reorder_level is not None

    def crossed(self) -> "Shelf | None":
        """The shelf once its people were told that it is low, or it is not any more; None if they know."""
        return replace(self, told=self.low) if self.low != self.told else None

    def reorder_at(self, level: Decimal | None) -> "Shelf":
        """With another level; None: nobody is told."""
        return replace(self, reorder_level=level, version=self.version + 1)


def notice_due(expires_on: date, today: date, horizon: date) -> ExpiryNotice | None:
    """What is to be told of a lot by now: it is used until the end of its last day."""
    if expires_on < today:
        return ExpiryNotice.EXPIRED
    return ExpiryNotice.NEAR_EXPIRY if expires_on <= horizon else None
