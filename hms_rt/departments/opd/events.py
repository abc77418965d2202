"""Facts that the outpatient service records."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from hms_rt.departments.opd.model.appointment import Appointment, AppointmentState
from hms_rt.departments.opd.model.token import Token, TokenState
from hms_rt.kernel.changes import Cause, Event


@dataclass(frozen=True, slots=True)
class ClinicDefined(Event):
    """A clinic exists."""

    clinic: str


@dataclass(frozen=True, slots=True)
class ClinicChanged(Event):
    """What a clinic's screens say changed. Its row is locked."""

    clinic: str


@dataclass(frozen=True, slots=True)
class LineMoved(Event):
    """Another number of appointments was called in a row. The line is locked."""

    clinic: str


@dataclass(frozen=True, slots=True)
class DayReached(Event):
    """The clinic's queue goes on to ``day``, unless it is there or beyond. Recorded after the counts: queues
    are locked before the summary."""

    clinic: str
    day: date


@dataclass(frozen=True, slots=True)
class CounterChanged(Event):
    """A counter was made, opened (``opened`` 1) or closed (-1). Its row is locked."""

    clinic: str
    counter: str
    opened: int


@dataclass(frozen=True, slots=True)
class TokenIssued(Event):
    """A token joined the queue of ``clinic``: newly issued, or transferred from another clinic."""

    token_id: uuid.UUID
    patient_id: uuid.UUID | None
    clinic: str
    day: date
    cause: Cause


@dataclass(frozen=True, slots=True)
class TokenMoved(Event):
    """A token changed state. Its row is locked. ``journey`` names the number that the patient keeps from
    queue to queue: clinic of origin, day and label."""

    token_id: uuid.UUID
    patient_id: uuid.UUID | None
    clinic: str
    day: date
    before: TokenState
    after: TokenState
    cause: Cause
    journey: str
    doctor_id: uuid.UUID | None

    @classmethod
    def of(cls, before: TokenState, token: Token, cause: Cause) -> "TokenMoved":
        """That ``token`` came here from ``before``."""
        return cls(
            token.id,
            token.patient_id,
            token.clinic,
            token.day,
            before,
            token.state,
            cause,
            token.journey,
            token.doctor_id,
        )


@dataclass(frozen=True, slots=True)
class VisitClosed(Event):
    """A consultation is over, with a number of a queue or without. The visit is locked.

    ``journey`` is that of its number, as in :class:`TokenMoved`; None if it has none."""

    visit_id: uuid.UUID
    patient_id: uuid.UUID
    clinic: str
    at: datetime
    journey: str | None


@dataclass(frozen=True, slots=True)
class TokenGiven(Event):
    """Another doctor sees the patient than the one who was waited for, ``before``. The token is locked."""

    token_id: uuid.UUID
    before: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class AppointmentChanged(Event):
    """An appointment was booked, or moved. Its row is locked or new. Recorded after what happened to queues:
    the summary of a clinic is locked last."""

    appointment_id: uuid.UUID
    patient_id: uuid.UUID
    clinic: str
    day: date
    after: AppointmentState
    cause: Cause
    doctor_id: uuid.UUID

    @classmethod
    def of(cls, held: Appointment, cause: Cause) -> "AppointmentChanged":
        """That the appointment is as it is."""
        return cls(held.id, held.patient_id, held.clinic, held.day, held.state, cause, held.doctor_id)


@dataclass(frozen=True, slots=True)
class Step:
    """One token's part in a change of a queue's counts; ``before`` is None for a token that joined."""

    day: date
    before: TokenState | None
    after: TokenState


@dataclass(frozen=True, slots=True)
class QueueChanged(Event):
    """The counts of one clinic's queue move. Recorded once per command and clinic, after its tokens, in
    order of clinics: rows are locked in that order."""

    clinic: str
    steps: tuple[Step, ...]
