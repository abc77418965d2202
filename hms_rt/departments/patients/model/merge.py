"""When two records of one person may become one, and when that may be undone."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from hms_rt.departments.patients.model.patient import Patient
from hms_rt.kernel.errors import Code, HmsError, conflict, illegal_move


@dataclass(frozen=True, slots=True)
class Merge:
    """``from_id`` became a pointer to ``into_id``; in force while ``undone_at`` is None."""

    id: uuid.UUID
    from_id: uuid.UUID
    into_id: uuid.UUID
    reason: str
    merged_at: datetime
    merged_by: uuid.UUID
    undone_at: datetime | None = None
    undone_by: uuid.UUID | None = None
    undo_reason: str | None = None

    def undo(self, into: Patient, at: datetime, by: uuid.UUID, reason: str) -> "Merge":
        """This merge, undone; raises ``illegal_move`` for a second time and ``conflict`` while the survivor
        is merged away itself: merges are undone last one first."""
        if self.undone_at is not None:
            raise illegal_move("the merge", "undone", "undo", [])
        if into.merged_into is not None:
            raise conflict("the survivor was merged into another patient since: undo that merge first")
        return replace(self, undone_at=at, undone_by=by, undo_reason=reason)


def check_merge(source: Patient, target: Patient) -> None:
    """Raises ``invalid`` for one patient given twice, ``conflict`` if either was merged away before, or
    if they disagree about restriction or death."""
    if source.id == target.id:
        raise HmsError(Code.INVALID, "from_id: a patient is not merged into itself")
    for patient in (source, target):
        if patient.merged_into is not None:
            raise merged_away(patient)
    if source.restricted is not target.restricted:
        raise conflict("one of the two is restricted: restrict both or neither, then merge")
    if source.death is not None and target.death is None:
        raise conflict("one of the two is recorded as deceased: record or revoke that first, then merge")


def merged_away(patient: Patient) -> HmsError:
    """The patient is a pointer now: the answer names the one to use instead."""
    return HmsError(
        Code.CONFLICT,
        "this patient was merged into another: use the survivor (merged_into)",
        fields={"merged_into": str(patient.merged_into)},
    )
