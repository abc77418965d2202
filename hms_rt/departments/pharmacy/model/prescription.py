"""A prescription, from draft to dispensed: the only table of its legal moves (DESIGN §8)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.model.frequency import Frequency, FrequencyKind
from hms_rt.kernel.errors import illegal_move


class PrescriptionState(StrEnum):
    """States of a prescription."""

    DRAFT = "draft"
    ACTIVE = "active"
    ON_HOLD = "on_hold"
    PARTIALLY_DISPENSED = "partially_dispensed"
    DISPENSED = "dispensed"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class PrescriptionMove(StrEnum):
    """What can be done with a prescription; also what its history calls it."""

    DRAFT = "draft"
    ACTIVATE = "activate"
    HOLD = "hold"
    RESUME = "resume"
    DISPENSE_PART = "dispense_part"
    DISPENSE_REST = "dispense_rest"
    STOP = "stop"
    CANCEL = "cancel"


_S = PrescriptionState
_M = PrescriptionMove

MOVES: Mapping[PrescriptionMove, Mapping[PrescriptionState, PrescriptionState]] = {
    _M.ACTIVATE: {_S.DRAFT: _S.ACTIVE},
    _M.HOLD: {_S.ACTIVE: _S.ON_HOLD},
    _M.RESUME: {_S.ON_HOLD: _S.ACTIVE},
    _M.DISPENSE_PART: {
        _S.ACTIVE: _S.PARTIALLY_DISPENSED,
        _S.PARTIALLY_DISPENSED: _S.PARTIALLY_DISPENSED,
    },
    _M.DISPENSE_REST: {_S.ACTIVE: _S.DISPENSED, _S.PARTIALLY_DISPENSED: _S.DISPENSED},
    _M.STOP: {_S.ACTIVE: _S.STOPPED, _S.PARTIALLY_DISPENSED: _S.STOPPED},
    _M.CANCEL: {_S.DRAFT: _S.CANCELLED},
}
"""Move -> state before -> state after. What is not here is illegal, but for one exception: see ``stop``."""

WAITING = frozenset({_S.ACTIVE, _S.PARTIALLY_DISPENSED, _S.ON_HOLD})
"""The dispensary has something to do, now or when the hold ends."""

OPEN = WAITING | {_S.DRAFT}
"""Somebody has yet to decide or to do something."""

IN_FORCE = frozenset({_S.ACTIVE, _S.PARTIALLY_DISPENSED, _S.DISPENSED})
"""The patient is to take it, while the course lasts."""


@dataclass(frozen=True, slots=True)
class Line:
    """One medicine of a prescription.

    ``dose`` is in ``dose_unit``; ``quantity`` (for the whole course), ``dispensed`` and what of it was
    ``returned`` are in ``dispense_unit``. What came back is not dispensed again: prescribe anew.
    The course runs from ``starts_at`` to before ``ends_at``. ``name``, ``generic`` and ``controlled`` are
    those of the formulary when it was prescribed. ``allergy_alert``: an allergy became known since the
    prescription is in force, and no doctor has said why it goes on; nothing of the line is dispensed.
    """

    id: uuid.UUID
    prescription_id: uuid.UUID
    position: int
    medicine: str
    name: str
    generic: str
    controlled: bool
    dose: Decimal
    dose_unit: str
    route: Route
    frequency_kind: FrequencyKind
    times: tuple[str, ...]
    every_hours: int | None
    max_per_24h: int | None
    starts_at: datetime
    ends_at: datetime
    duration_days: int
    quantity: Decimal
    dispense_unit: str
    dispensed: Decimal
    note: str | None
    not_dispensed: str | None = None
    returned: Decimal = Decimal(0)
    allergy_alert: bool = False

    @property
    def frequency(self) -> Frequency:
        """How often it is given."""
        return Frequency(self.frequency_kind, self.times, self.every_hours, self.max_per_24h)

    @property
    def to_dispense(self) -> Decimal:
        """What the patient has yet to get; 0 once it was told why the rest is not dispensed."""
        return Decimal(0) if self.not_dispensed is not None else self.quantity - self.dispensed

    def lasts(self, at: datetime) -> bool:
        """Whether the patient has yet to get some of it, or to take it, after ``at``."""
        return self.to_dispense > 0 or self.ends_at > at


@dataclass(frozen=True, slots=True)
class Prescription:
    """A prescription as its row holds it.

    Of an admission, or of a clinic (perhaps of one visit there). ``ward`` is where an inpatient lies now;
    None once the patient left. ``take_home`` is what an inpatient gets along at discharge: the ward gives
    none of it. ``number`` is what the pick-up screen shows. ``reason`` is that of the last move.
    """

    id: uuid.UUID
    number: int
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    admission_id: uuid.UUID | None
    visit_id: uuid.UUID | None
    ward: str | None
    clinic: str | None
    take_home: bool
    dispensary: str
    prescribed_by: uuid.UUID
    state: PrescriptionState
    prescribed_at: datetime
    recorded_at: datetime
    reason: str | None = None
    version: int = 1
    restricted: bool = False

    @property
    def in_queue(self) -> bool:
        """Whether the dispensary's queue shows it; not what a departed inpatient was to get on the ward."""
        return self.state in WAITING and (self.clinic is not None or self.ward is not None or self.take_home)

    @property
    def given_on_ward(self) -> bool:
        """Whether nurses give it."""
        return self.admission_id is not None and not self.take_home

    def move(self, move: PrescriptionMove, reason: str | None = None) -> "Prescription":
        """The prescription after ``move``; raises ``illegal_move``, which names the legal ones.

        A dispensed prescription cannot be stopped, but for one that a ward gives: the supply is complete, the
        course is not, and what nurses give must end on a doctor's word.
        """
        after = MOVES[move].get(self.state) if move in MOVES else None
        if move is _M.STOP and self.state is _S.DISPENSED and self.given_on_ward:
            after = _S.STOPPED
        if after is None:
            raise illegal_move("the prescription", self.state.value, move.value, self.legal_moves())
        return replace(self, state=after, reason=reason, version=self.version + 1)

    def legal_moves(self) -> list[str]:
        """The moves that are legal now."""
        legal = [move.value for move, steps in MOVES.items() if self.state in steps]
        if self.state is _S.DISPENSED and self.given_on_ward:
            legal.append(_M.STOP.value)
        return legal
