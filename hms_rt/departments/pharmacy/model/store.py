"""Where medicines are kept."""

from dataclasses import dataclass
from enum import StrEnum


class StoreKind(StrEnum):
    """What sort of place it is."""

    DISPENSARY = "dispensary"  # hands over to patients, supplies wards
    WARD = "ward"  # the cupboard of one ward
    QUARANTINE = "quarantine"  # hands over to nobody: what is to be looked at, or destroyed


@dataclass(frozen=True, slots=True)
class Store:
    """A dispensary, the cupboard of ``ward``, or a quarantine.

    ``near_expiry_days``: how long before the last day of use a lot is told of; the hospital's, if None.
    """

    code: str
    name: str
    kind: StoreKind
    ward: str | None
    near_expiry_days: int | None = None
    version: int = 1
