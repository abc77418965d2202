"""A package that was applied: it costs its own price, and what it includes is taken off again."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from hms_rt.kernel.errors import illegal_move


class PackageState(StrEnum):
    """States of a package that was applied."""

    APPLIED = "applied"
    WITHDRAWN = "withdrawn"


class PackageMove(StrEnum):
    """What can be done with one."""

    WITHDRAW = "withdraw"


MOVES: Mapping[PackageMove, Mapping[PackageState, PackageState]] = {
    PackageMove.WITHDRAW: {PackageState.APPLIED: PackageState.WITHDRAWN},
}


@dataclass(frozen=True, slots=True)
class PackageUse:
    """For an admission what is charged for it; without one what is charged from ``since`` to ``until``."""

    id: uuid.UUID
    package: str
    patient_id: uuid.UUID
    admission_id: uuid.UUID | None
    since: date
    until: date
    state: PackageState
    applied_at: datetime
    applied_by: uuid.UUID
    withdrawn_at: datetime | None = None
    withdrawn_by: uuid.UUID | None = None
    reason: str | None = None
    version: int = 1

    def withdrawn(self, by: uuid.UUID, at: datetime, reason: str) -> "PackageUse":
        """Not applied any more; raises ``illegal_move`` for a second time."""
        after = MOVES[PackageMove.WITHDRAW].get(self.state)
        if after is None:
            raise illegal_move("the package", self.state.value, PackageMove.WITHDRAW.value, [])
        return replace(
            self, state=after, withdrawn_at=at, withdrawn_by=by, reason=reason, version=self.version + 1
        )

    def covers(self, admission_id: uuid.UUID | None, day: date) -> bool:
        """True for what is charged for its admission, or on its days for none."""
        if self.admission_id is not None or admission_id is not None:
            return self.admission_id == admission_id
        return self.since <= day <= self.until
