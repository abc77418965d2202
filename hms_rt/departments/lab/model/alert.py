"""A critical value somebody must be told of: open until a doctor acknowledges it (DESIGN §8)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hms_rt.departments.lab.model.catalogue import Flag
from hms_rt.kernel.errors import illegal_move

ESCALATE_AFTER = timedelta(minutes=30)
"""How long an alert waits for a doctor before more people are told."""


class AlertState(StrEnum):
    """States of a critical alert."""

    OPEN = "open"
    NOTIFIED = "notified"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


_S = AlertState

MOVES: Mapping[AlertState, frozenset[AlertState]] = {
    _S.OPEN: frozenset({_S.NOTIFIED, _S.ESCALATED, _S.ACKNOWLEDGED}),
    _S.NOTIFIED: frozenset({_S.ESCALATED, _S.ACKNOWLEDGED}),
    _S.ESCALATED: frozenset({_S.ESCALATED, _S.ACKNOWLEDGED}),
    _S.ACKNOWLEDGED: frozenset({_S.CLOSED}),
    _S.CLOSED: frozenset(),
}
"""Every legal move."""

WAITING = frozenset({_S.OPEN, _S.NOTIFIED, _S.ESCALATED})
"""States in which no doctor has acknowledged yet."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A critical alert as its row holds it.

    A nurse's relay and the laboratory's read-back by telephone are recorded, but do not acknowledge.
    """

    id: uuid.UUID
    test_id: uuid.UUID
    result_version: int
    flag: Flag
    state: AlertState
    raised_at: datetime
    escalate_at: datetime | None
    relayed_by: uuid.UUID | None = None
    relayed_at: datetime | None = None
    read_back_by: uuid.UUID | None = None
    read_back_at: datetime | None = None
    acknowledged_by: uuid.UUID | None = None
    acknowledged_at: datetime | None = None
    note: str | None = None
    closed_by: uuid.UUID | None = None
    closed_at: datetime | None = None
    version: int = 1

    @classmethod
    def opened(
        cls, alert_id: uuid.UUID, test_id: uuid.UUID, result_version: int, flag: Flag, now: datetime
    ) -> "Alert":
        """A critical value, about which nobody has been told."""
        return cls(alert_id, test_id, result_version, flag, _S.OPEN, now, now + ESCALATE_AFTER)

    def notified(self) -> "Alert":
        """Somebody was told."""
        return self._moved(_S.NOTIFIED)

    def escalate(self, now: datetime) -> "Alert":
        """Nobody has acknowledged in time: more people are told, again and again."""
        return replace(self._moved(_S.ESCALATED), escalate_at=now + ESCALATE_AFTER)

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
        """What had to be done was done."""
        return replace(self._moved(_S.CLOSED), closed_by=by, closed_at=at)

    def _waiting(self, move: str) -> "Alert":
        if self.state not in WAITING:
            raise self._illegal(move)
        return self

    def _moved(self, to: AlertState) -> "Alert":
        if to not in MOVES[self.state]:
            raise self._illegal(to.value)
        return replace(self, state=to)

    def _illegal(self, move: str) -> Exception:
        return illegal_move("the alert", self.state.value, move, [state.value for state in MOVES[self.state]])
