"""What was taken from a patient: collected, received, processed, or rejected (DESIGN §8)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.kernel.errors import illegal_move


class SpecimenState(StrEnum):
    """States of a specimen. A recollection is a new one."""

    COLLECTED = "collected"
    RECEIVED = "received"
    PROCESSED = "processed"
    REJECTED = "rejected"


_S = SpecimenState

MOVES: Mapping[SpecimenState, frozenset[SpecimenState]] = {
    _S.COLLECTED: frozenset({_S.RECEIVED, _S.REJECTED}),
    _S.RECEIVED: frozenset({_S.PROCESSED, _S.REJECTED}),
    _S.PROCESSED: frozenset(),
    _S.REJECTED: frozenset(),
}
"""Every legal move. The first result makes a received specimen a processed one."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """A specimen as its row holds it. ``replaces``: the rejected one in whose place it was taken."""

    id: uuid.UUID
    order_id: uuid.UUID
    barcode: str
    kind: SpecimenKind
    state: SpecimenState
    collected_by: uuid.UUID
    collected_at: datetime
    received_by: uuid.UUID | None
    received_at: datetime | None
    rejected_by: uuid.UUID | None
    rejected_at: datetime | None
    reject_reason: str | None
    version: int
    replaces: uuid.UUID | None = None

    def receive(self, by: uuid.UUID, at: datetime) -> "Specimen":
        """It reached the laboratory."""
        return replace(self._moved(_S.RECEIVED), received_by=by, received_at=at)

    def reject(self, by: uuid.UUID, at: datetime, reason: str) -> "Specimen":
        """It is of no use; impossible once a result was taken from it."""
        return replace(self._moved(_S.REJECTED), rejected_by=by, rejected_at=at, reject_reason=reason)

    def _moved(self, to: SpecimenState) -> "Specimen":
        if to not in MOVES[self.state]:
            legal = [state.value for state in MOVES[self.state]]
            raise illegal_move(f"specimen {self.barcode}", self.state.value, to.value, legal)
        return replace(self, state=to)
