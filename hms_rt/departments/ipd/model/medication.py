"""The medication administration record of a ward: what is due, and what became of it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from hms_rt.departments.pharmacy.model.frequency import Frequency, FrequencyKind
from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.errors import Code, HmsError, conflict, illegal_move

HORIZON = timedelta(hours=24)
"""How far ahead the doses of a ward are planned and shown."""

GRACE = timedelta(minutes=60)
"""How long after its moment a dose becomes overdue: wards give within an hour of the round."""

EARLIEST = timedelta(hours=2)
"""How long before its moment a dose may be given; sooner it would be the next one given too soon."""

DAY = timedelta(hours=24)


class OrderState(StrEnum):
    """Whether nurses give a medicine."""

    IN_FORCE = "in_force"
    ON_HOLD = "on_hold"
    ENDED = "ended"


class DoseState(StrEnum):
    """States of one dose that is due at one moment."""

    DUE = "due"
    OVERDUE = "overdue"
    GIVEN = "given"
    PARTIALLY_GIVEN = "partially_given"
    REFUSED = "refused"
    WITHHELD = "withheld"
    CANCELLED = "cancelled"


class DoseMove(StrEnum):
    """What can happen to a dose."""

    GIVE = "give"
    GIVE_PARTIALLY = "give_partially"
    REFUSE = "refuse"
    WITHHOLD = "withhold"
    OVERDUE = "overdue"  # nobody said anything in time
    CANCEL = "cancel"  # the prescription is held or stopped, or the patient left
    REOPEN = "reopen"  # what was recorded was entered in error
    RESTORE = "restore"  # the hold ended, or the departure was a mistake


class Outcome(StrEnum):
    """What became of a dose."""

    GIVEN = "given"
    PARTIALLY_GIVEN = "partially_given"
    REFUSED = "refused"  # by the patient
    WITHHELD = "withheld"  # by the staff


class CancelledFor(StrEnum):
    """Why a dose is not due any more."""

    HOLD = "hold"
    STOP = "stop"
    DEPARTURE = "departure"


_S = DoseState
_M = DoseMove
PENDING = frozenset({_S.DUE, _S.OVERDUE})
"""Somebody has yet to give it or to say why not; the ward's room shows it."""

TAKEN = frozenset({Outcome.GIVEN, Outcome.PARTIALLY_GIVEN})

MOVES: Mapping[DoseMove, Mapping[DoseState, DoseState]] = {
    _M.GIVE: dict.fromkeys(PENDING, _S.GIVEN),
    _M.GIVE_PARTIALLY: dict.fromkeys(PENDING, _S.PARTIALLY_GIVEN),
    _M.REFUSE: dict.fromkeys(PENDING, _S.REFUSED),
    _M.WITHHOLD: dict.fromkeys(PENDING, _S.WITHHELD),
    _M.OVERDUE: {_S.DUE: _S.OVERDUE},
    _M.CANCEL: dict.fromkeys(PENDING, _S.CANCELLED),
    _M.REOPEN: dict.fromkeys((_S.GIVEN, _S.PARTIALLY_GIVEN, _S.REFUSED, _S.WITHHELD), _S.DUE),
    _M.RESTORE: {_S.CANCELLED: _S.DUE},
}
"""Move -> state before -> state after. What is not here is illegal."""

RECORDING: Mapping[Outcome, DoseMove] = {
    Outcome.GIVEN: _M.GIVE,
    Outcome.PARTIALLY_GIVEN: _M.GIVE_PARTIALLY,
    Outcome.REFUSED: _M.REFUSE,
    Outcome.WITHHELD: _M.WITHHOLD,
}


@dataclass(frozen=True, slots=True)
class Medication:
    """A line of an inpatient's prescription as the ward gives it; the pharmacy's events keep it current.

    ``ward`` is where the patient lies; None once the patient left. Doses are planned up to before
    ``planned_until``. ``ends_at`` is the end of the course, or when it was stopped.
    """

    line_id: uuid.UUID
    prescription_id: uuid.UUID
    admission_id: uuid.UUID
    patient_id: uuid.UUID
    patient_name: str
    mrn: str
    ward: str | None
    name: str
    controlled: bool
    dose: Decimal
    dose_unit: str
    route: str
    note: str | None
    frequency_kind: FrequencyKind
    times: tuple[str, ...]
    every_hours: int | None
    max_per_24h: int | None
    starts_at: datetime
    ends_at: datetime
    state: OrderState
    planned_until: datetime
    restricted: bool = False
    ceased_at: datetime | None = None
    """Since when it is on hold or stopped; None exactly while it is in force."""

    @property
    def frequency(self) -> Frequency:
        """How often it is given."""
        return Frequency(self.frequency_kind, self.times, self.every_hours, self.max_per_24h)

    @property
    def as_needed(self) -> bool:
        """Given when the patient needs it, with a most within any 24 hours."""
        return self.frequency_kind is FrequencyKind.AS_NEEDED

    @property
    def shown(self) -> bool:
        """Whether the ward's room offers it to be given as needed."""
        return self.as_needed and self.state is OrderState.IN_FORCE and self.ward is not None

    def check_taken(self, at: datetime, left_at: datetime | None) -> None:
        """Raises ``conflict`` if nobody can have been given it at ``at``: held, stopped, or the patient gone.

        What was given before may be told afterwards.
        """
        if self.ceased_at is not None and at >= self.ceased_at:
            what = "on hold" if self.state is OrderState.ON_HOLD else "stopped"
            raise conflict(
                f"{self.name} is {what} since {rfc3339(self.ceased_at)}: tell with occurred_at what was given"
                " before, or say withheld"
            )
        if left_at is not None and at > left_at:
            raise conflict(f"the patient left at {rfc3339(left_at)}: tell with occurred_at when it was given")

    def check_as_needed(self, given: Sequence[datetime], at: datetime) -> None:
        """Raises ``conflict`` if a dose at ``at`` would be too many within 24 hours; ``given``: the others.

        Late entries count like any other: no 24 hours that hold ``at`` may hold more than the most.
        """
        if not self.starts_at <= at < self.ends_at:
            raise conflict(f"{self.name} is not in force at that moment")
        most = self.max_per_24h or 0
        near = sorted([*(one for one in given if abs(one - at) < DAY), at])
        for first in near:
            if sum(first <= one < first + DAY for one in near) > most:
                raise conflict(f"{self.name}: at most {most} doses within 24 hours")


@dataclass(frozen=True, slots=True)
class Dose:
    """One dose, due at one moment. ``ward`` is where the patient lies; None once the patient left."""

    id: uuid.UUID
    line_id: uuid.UUID
    due_at: datetime
    ward: str | None
    state: DoseState
    cancelled_for: CancelledFor | None = None
    version: int = 1

    def moved(self, move: DoseMove, why: CancelledFor | None = None) -> "Dose":
        """The dose after ``move``; raises ``illegal_move``, which names the legal ones."""
        after = MOVES[move].get(self.state)
        if after is None:
            legal = [each.value for each, steps in MOVES.items() if self.state in steps]
            raise illegal_move("the dose", self.state.value, move.value, legal)
        return replace(self, state=after, cancelled_for=why, version=self.version + 1)

    def recorded(self, move: DoseMove, *, ceased: bool) -> "Dose":
        """What became of it is told: late, too, of one that was cancelled after it was given.

        ``ceased``: the medicine is on hold or stopped, or the patient has left; else it is not due any more.
        """
        late = ceased and self.state is _S.CANCELLED and move in (_M.GIVE, _M.GIVE_PARTIALLY)
        after = (self.moved(_M.RESTORE) if late else self).moved(move)
        return replace(after, version=self.version + 1)

    def pending(self, move: DoseMove, now: datetime) -> "Dose":
        """Reopened or restored: overdue at once if its moment is long past."""
        after = self.moved(move)
        return replace(after, state=_S.OVERDUE) if self.due_at + GRACE <= now else after


@dataclass(frozen=True, slots=True)
class Administration:
    """What became of a dose, or of one as needed (``dose_id`` None). Never changed but to be retracted."""

    id: uuid.UUID
    line_id: uuid.UUID
    dose_id: uuid.UUID | None
    controlled: bool
    outcome: Outcome
    amount: Decimal | None
    reason: str | None
    given_by: uuid.UUID
    witness: uuid.UUID | None
    occurred_at: datetime
    recorded_at: datetime
    error_reason: str | None = None
    error_by: uuid.UUID | None = None
    error_at: datetime | None = None

    def check(self, medication: Medication) -> None:
        """Raises ``invalid`` unless amount, reason and witness fit the outcome."""
        taken = self.outcome in TAKEN
        if taken != (self.amount is not None):
            raise _invalid("amount", "is told when something was given, and only then")
        if self.outcome is Outcome.PARTIALLY_GIVEN and (self.amount or 0) >= medication.dose:
            raise _invalid("amount", "a part is less than the dose")
        if self.outcome is Outcome.GIVEN and self.dose_id is not None and self.amount != medication.dose:
            raise _invalid("amount", "a given dose is the dose; tell another amount as partially given")
        if (self.amount or 0) > medication.dose:
            raise _invalid("amount", "is more than the dose that is prescribed")
        if self.outcome is not Outcome.GIVEN and self.reason is None:
            raise _invalid("reason", "say why it was not given, or not all of it")
        if taken and self.controlled and self.witness is None:
            raise _invalid("witness", "a controlled medicine is given before a witness")
        if self.witness == self.given_by:
            raise _invalid("witness", "is another person")

    @property
    def counts(self) -> bool:
        """Whether the patient got something."""
        return self.outcome in TAKEN and self.error_at is None

    def retract(self, reason: str, by: uuid.UUID, at: datetime) -> "Administration":
        """It was entered in error; raises ``conflict`` if that is known."""
        if self.error_at is not None:
            raise conflict("that administration was retracted before")
        return replace(self, error_reason=reason, error_by=by, error_at=at)


def check_moment(dose: Dose, at: datetime) -> None:
    """Raises ``invalid`` for a dose given long before it is due."""
    if at < dose.due_at - EARLIEST:
        raise _invalid("occurred_at", "is over two hours before the dose is due")


def _invalid(field: str, problem: str) -> HmsError:
    return HmsError(
        Code.INVALID, f"{field}: {problem}", fields={"problems": [{"field": field, "problem": problem}]}
    )
