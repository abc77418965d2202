"""The count at the end of a shift: every means that was used, against what should be there."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from hms_rt.departments.billing.model.payment import Means
from hms_rt.kernel.errors import conflict

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody counted, and why it differs."""

    counted: Decimal
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MeansCount:
    """What a shift took and gave back by one means; at its end, what was counted, and why it differs.

    ``opening`` is what was there before: of cash the drawer's, of all else nothing. What was given back by
    card may be more than came in: the terminal's total is negative then.
    """

    shift_id: uuid.UUID
    means: Means
    opening: Decimal = ZERO
    received: Decimal = ZERO
    given_back: Decimal = ZERO
    counted: Decimal | None = None
    reason: str | None = None

    @property
    def expected(self) -> Decimal:
        """What should be there."""
        return self.opening + self.received - self.given_back

    @property
    def difference(self) -> Decimal | None:
        """What is there beyond that, or is missing; None until it was counted."""
        return None if self.counted is None else self.counted - self.expected

    def told(self, what: Told) -> "MeansCount":
        """With what was counted; raises ``conflict`` for a difference without a reason."""
        after = replace(self, counted=what.counted, reason=what.reason)
        if after.difference and what.reason is None:
            raise conflict(f"{self.means.value} is not what it should be: count again, or say why")
        return after


def counts(
    shift_id: uuid.UUID, sums: Sequence[MeansCount], told: Mapping[Means, Told]
) -> tuple[MeansCount, ...]:
    """Every means that was used, counted; what was counted though nobody used it is among them.

    Raises ``conflict`` that names the means nobody counted, or one that differs without a reason.
    """
    missing = [one.means.value for one in sums if one.means not in told]
    if missing:
        raise conflict(f"{', '.join(missing)} was taken or given back, too: count every means of the shift")
    known = {one.means: one for one in sums}
    return tuple(
        known.get(means, MeansCount(shift_id, means)).told(told[means]) for means in Means if means in told
    )
