"""Delta check: how far a value lies from the last verified one of the same patient."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from hms_rt.departments.lab.model.catalogue import CatalogueEntry


@dataclass(frozen=True, slots=True)
class Previous:
    """The last verified value of the same test and patient, in the same unit."""

    test_id: uuid.UUID
    value: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Delta:
    """A comparison. ``percent`` is None where the value before was zero; then any change counts as too much
    for a limit in percent."""

    previous: Previous
    change: Decimal
    percent: Decimal | None
    exceeded: bool


def compare(entry: CatalogueEntry, value: str, at: datetime, previous: Previous | None) -> Delta | None:
    """How a checked ``value`` differs from ``previous``; None if there is nothing to compare with.

    Only what was measured before, and within the time that the catalogue says, is compared.
    """
    if entry.unit is None or entry.delta_hours is None or previous is None:
        return None
    if not timedelta(0) <= at - previous.at <= timedelta(hours=entry.delta_hours):
        return None
    before = Decimal(previous.value)
    change = Decimal(value) - before
    percent = abs(change) * 100 / abs(before) if before else None
    too_much = entry.delta_absolute is not None and abs(change) > entry.delta_absolute
    if entry.delta_percent is not None:
        too_much = too_much or (percent > entry.delta_percent if percent is not None else change != 0)
    return Delta(previous, change, percent, too_much)
