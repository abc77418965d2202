"""The time that a patient spends in one bed. Pure: decides or raises."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hms_rt.departments.ipd.model.times import check_order


@dataclass(frozen=True, slots=True)
class Stay:
    """The time a patient spends in one bed; open while ``ended_at`` is None."""

    id: uuid.UUID
    admission_id: uuid.UUID
    patient_id: uuid.UUID
    bed_id: uuid.UUID
    bed_code: str
    ward: str
    started_at: datetime
    ended_at: datetime | None = None
    entered_in_error: bool = False
    override_reason: str | None = None
    """Why the patient lies in a bed that does not suit."""
    beside: uuid.UUID | None = None
    """Of a child who rooms in: the mother's admission. The cot is in the room where she lies."""
    apart_reason: str | None = None
    """Why the child stayed where it is when the mother went elsewhere."""

    @property
    def rooms_in(self) -> bool:
        """A child that lies beside its mother now."""
        return self.beside is not None and self.apart_reason is None and self.ended_at is None

    def apart(self, reason: str) -> "Stay":
        """The mother goes elsewhere, and the child stays."""
        return replace(self, apart_reason=reason)

    def together(self, mother: uuid.UUID) -> "Stay":
        """The mother, whose admission is given, lies in the same room, again or for the first time."""
        return replace(self, beside=mother, apart_reason=None)

    def end(self, at: datetime) -> "Stay":
        """The patient leaves the bed; raises ``invalid`` if that is before the patient came."""
        check_order(at, self.started_at, "the patient came into this bed")
        return replace(self, ended_at=at)

    def mistaken(self, now: datetime) -> "Stay":
        """It never happened: closed and marked, never deleted."""
        return replace(self, ended_at=max(now, self.started_at), entered_in_error=True)

    def reopened(self) -> "Stay":
        """Its end never happened."""
        return replace(self, ended_at=None)


def current_stay(stays: Sequence[Stay]) -> Stay:
    """The open one of an admission's stays; the caller knows that the patient is in a bed."""
    return next(stay for stay in stays if stay.ended_at is None)


def history_of(stays: Sequence[Stay]) -> list[Stay]:
    """The stays that did happen, oldest first."""
    return sorted((s for s in stays if not s.entered_in_error), key=lambda s: (s.started_at, s.id))
