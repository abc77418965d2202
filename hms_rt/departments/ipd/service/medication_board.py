"""Writing doses, and what the ward's room and the sums show of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from hms_rt.departments.ipd import views
from hms_rt.departments.ipd.events import DosesChanged
from hms_rt.departments.ipd.model.medication import PENDING, Dose, DoseState, Medication
from hms_rt.departments.ipd.repository import medication as rows
from hms_rt.kernel.changes import Cause, Change, Op
from hms_rt.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class DoseChange:
    """A dose before (None: new) and after, with its medication as it is now."""

    medication: Medication
    before: Dose | None
    after: Dose


async def show_doses(uow: UnitOfWork, changes: Sequence[DoseChange], cause: Cause) -> None:
    """Publish each dose where it is pending now, remove it where it was, and move the sums of the wards.

    The doses are locked and written; sums are locked last, by ward. Records ``DosesChanged``.
    """
    deltas: dict[str, dict[DoseState, int]] = defaultdict(lambda: defaultdict(int))
    for change in changes:
        before, after = change.before, change.after
        was, now = _shown_in(before), _shown_in(after)
        key = views.dose_key(after.id)
        if was is not None and before is not None:
            deltas[was][before.state] -= 1
            if was != now:
                uow.change(Change(views.ward_stream(was), Op.REMOVE, key, cause))
        if now is not None:
            deltas[now][after.state] += 1
            value = views.dose_value(change.medication, after)
            uow.change(Change(views.ward_stream(now), Op.PUT, key, cause, value))
    if changes:
        uow.record(DosesChanged(frozenset(change.medication.patient_id for change in changes)))
    for ward in sorted(deltas):
        moved = deltas[ward]
        if any(moved.values()):
            await _show_sum(uow, ward, moved[DoseState.DUE], moved[DoseState.OVERDUE])


async def show_as_needed(uow: UnitOfWork, before: Medication | None, after: Medication, cause: Cause) -> None:
    """Publish a medicine to be given as needed where it may be, and remove it where it was."""
    key = views.as_needed_key(after.line_id)
    was = before.ward if before is not None and before.shown else None
    now = after.ward if after.shown else None
    if was is not None and was != now:
        uow.change(Change(views.ward_stream(was), Op.REMOVE, key, cause))
    if now is not None:
        given = (await rows.taken(uow.connection, [after.line_id]))[after.line_id]
        value = views.as_needed_value(after, given)
        uow.change(Change(views.ward_stream(now), Op.PUT, key, cause, value))


async def _show_sum(uow: UnitOfWork, ward: str, due: int, overdue: int) -> None:
    row = await rows.shift_sum(uow.connection, ward, due, overdue)
    value = views.sum_value(row.due, row.overdue)
    uow.change(Change(views.ward_stream(ward), Op.PUT, views.SUM_KEY, Cause.COUNT, value))


def _shown_in(dose: Dose | None) -> str | None:
    """The ward whose room shows a dose; None if none does."""
    return dose.ward if dose is not None and dose.state in PENDING else None
