"""A critical value somebody must be told of: open until a clinician acknowledges it (DESIGN §8).

It is told step by step: to the doctor who ordered, to the nurses of the ward, to who is on call, and then to
everybody in charge, again and again. The row is the timer: ``escalate_at`` is when the next step is due,
whichever process is alive then.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hms_rt.departments.lab.model.catalogue import Flag
from hms_rt.kernel.errors import illegal_move


class AlertState(StrEnum):
    """States of a critical alert."""

    OPEN = "open"
    NOTIFIED = "notified"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Step(StrEnum):
    """Who is told at a step of the loop."""

    DOCTOR = "doctor"  # who ordered, or the doctors of the place if that person has left
    WARD_NURSE = "ward_nurse"
    ON_CALL = "on_call"  # of the ward or clinic, else of the hospital
    EVERYBODY = "everybody"  # every doctor of the place, the charge nurse, who is on call, administrators


class AlertMove(StrEnum):
    """What can be done with an alert."""

    RAISE = "raise"
    ESCALATE = "escalate"
    RELAY = "relay"
    READ_BACK = "read_back"
    ACKNOWLEDGE = "acknowledge"
    CLOSE = "close"
    SUPERSEDE = "supersede"


_S = AlertState

MOVES: Mapping[AlertState, frozenset[AlertState]] = {
    _S.OPEN: frozenset({_S.NOTIFIED, _S.ESCALATED, _S.ACKNOWLEDGED, _S.CLOSED}),
    _S.NOTIFIED: frozenset({_S.ESCALATED, _S.ACKNOWLEDGED, _S.CLOSED}),
    _S.ESCALATED: frozenset({_S.ESCALATED, _S.ACKNOWLEDGED, _S.CLOSED}),
    _S.ACKNOWLEDGED: frozenset({_S.CLOSED}),
    _S.CLOSED: frozenset(),
}
"""Every legal move. Unacknowledged, an alert is closed only by a newer version of the result."""

WAITING = frozenset({_S.OPEN, _S.NOTIFIED, _S.ESCALATED})
"""States in which no doctor has acknowledged yet."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each step waits for an acknowledgement; ``everybody`` is repeated after its time."""

    doctor: timedelta = timedelta(minutes=10)
    ward_nurse: timedelta = timedelta(minutes=10)
    on_call: timedelta = timedelta(minutes=10)
    everybody: timedelta = timedelta(minutes=15)

    def of(self, step: Step) -> timedelta:
        """The time of one step."""
        return {
            Step.DOCTOR: self.doctor,
            Step.WARD_NURSE: self.ward_nurse,
            Step.ON_CALL: self.on_call,
            Step.EVERYBODY: self.everybody,
        }[step]


def next_step(step: Step, *, outpatient: bool) -> Step:
    """Who is told after ``step``; an outpatient has no ward and no ward nurse."""
    if step is Step.DOCTOR:
        return Step.ON_CALL if outpatient else Step.WARD_NURSE
    return Step.ON_CALL if step is Step.WARD_NURSE else Step.EVERYBODY


@dataclass(frozen=True, slots=True)
class Alert:
    """A critical alert as its row holds it.

    A nurse's relay and the laboratory's read-back by telephone are recorded, but do not acknowledge.
    ``place`` follows the patient. ``nobody_on_call`` marks an alert for which a step found nobody: it is
    shown red in the laboratory. ``superseded_by`` is the version of the result that made an alert moot.
    """

    id: uuid.UUID
    test_id: uuid.UUID
    result_version: int
    flag: Flag
    state: AlertState
    raised_at: datetime
    escalate_at: datetime | None
    place: str
    ordered_by: uuid.UUID
    step: Step = Step.DOCTOR
    nobody_on_call: bool = False
    relayed_by: uuid.UUID | None = None
    relayed_at: datetime | None = None
    read_back_by: uuid.UUID | None = None
    read_back_at: datetime | None = None
    acknowledged_by: uuid.UUID | None = None
    acknowledged_at: datetime | None = None
    note: str | None = None
    closed_by: uuid.UUID | None = None
    closed_at: datetime | None = None
    superseded_by: int | None = None
    version: int = 1

    @property
    def waiting(self) -> bool:
        """True until a clinician acknowledged, or a newer result made it moot."""
        return self.state in WAITING

    @property
    def outpatient(self) -> bool:
        """True for a patient of a clinic."""
        return self.place.startswith("clinic:")

    def told(self, step: Step, now: datetime, limits: Limits, *, nobody_on_call: bool = False) -> "Alert":
        """The people of ``step`` were told; the next step is due after its time.

        The first telling makes it notified, every later one escalated.
        """
        moved = self._moved(_S.NOTIFIED if self.state is _S.OPEN and step is Step.DOCTOR else _S.ESCALATED)
        return replace(
            moved,
            step=step,
            escalate_at=now + limits.of(step),
            nobody_on_call=self.nobody_on_call or nobody_on_call,
        )

    def acknowledge(self, by: uuid.UUID, at: datetime, note: str | None) -> "Alert":
        """A doctor takes it over."""
        after = self._moved(_S.ACKNOWLEDGED)
        return replace(after, acknowledged_by=by, acknowledged_at=at, note=note, escalate_at=None)

    def relay(self, by: uuid.UUID, at: datetime) -> "Alert":
        """A nurse told a doctor."""
        return replace(self._waiting("relay"), relayed_by=by, relayed_at=at)

    def read_back(self, by: uuid.UUID, at: datetime) -> "Alert":
        """The laboratory telephoned, and the value was read back to it."""
        return replace(self._waiting("read_back"), read_back_by=by, read_back_at=at)

    def close(self, by: uuid.UUID, at: datetime) -> "Alert":
        """What had to be done was done; only after an acknowledgement."""
        if self.waiting:
            raise self._illegal(_S.CLOSED.value)
        return replace(self._moved(_S.CLOSED), closed_by=by, closed_at=at)

    def supersede(self, by: uuid.UUID, at: datetime, result_version: int) -> "Alert":
        """The value was not so: a newer version of the result says otherwise."""
        moved = self._moved(_S.CLOSED)
        return replace(moved, closed_by=by, closed_at=at, superseded_by=result_version, escalate_at=None)

    def _waiting(self, move: str) -> "Alert":
        if not self.waiting:
            raise self._illegal(move)
        return self

    def _moved(self, to: AlertState) -> "Alert":
        if to not in MOVES[self.state]:
            raise self._illegal(to.value)
        return replace(self, state=to)

    def _illegal(self, move: str) -> Exception:
        legal = {state.value for state in MOVES[self.state]}
        if self.waiting:
            legal -= {_S.CLOSED.value}
        return illegal_move("the alert", self.state.value, move, sorted(legal))


def new_alert(
    alert_id: uuid.UUID,
    *,
    test_id: uuid.UUID,
    result_version: int,
    flag: Flag,
    place: str,
    ordered_by: uuid.UUID,
    now: datetime,
) -> Alert:
    """A critical value, about which nobody has been told: that is due at once."""
    return Alert(alert_id, test_id, result_version, flag, _S.OPEN, now, now, place, ordered_by)
