"""From prescriptions to doses: the pharmacy's events, the horizon that moves on, and what becomes overdue."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hms_rt.departments.ipd.model.medication import (
    GRACE,
    HORIZON,
    CancelledFor,
    Dose,
    DoseMove,
    DoseState,
    Medication,
    OrderState,
)
from hms_rt.departments.ipd.repository import medication as rows
from hms_rt.departments.ipd.service.medication_board import DoseChange, show_as_needed, show_doses
from hms_rt.departments.pharmacy.events import PrescriptionChanged
from hms_rt.departments.pharmacy.model.prescription import (
    IN_FORCE,
    Line,
    Prescription,
    PrescriptionState,
)
from hms_rt.kernel.changes import Cause, Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

LOOK_BACK = timedelta(hours=24)
"""How far back doses are planned of a course that began before it was prescribed here."""

AFTER = timedelta(microseconds=1)

_STATES = {PrescriptionState.ON_HOLD: OrderState.ON_HOLD, PrescriptionState.STOPPED: OrderState.ENDED}


def projectors(zone: ZoneInfo) -> dict[type[Event], Sequence[Projector]]:
    """What follows from prescriptions; hours of the wall clock are those of ``zone``."""

    async def prescription_changed(uow: UnitOfWork, event: PrescriptionChanged) -> None:
        """Keep the ward's medication as prescribed: new, held, resumed, stopped, moved, renamed.

        The prescription is locked by whoever recorded the event; medications and doses are locked here.
        """
        prescription = event.after
        if not prescription.given_on_ward:
            return
        held = await rows.lock_of_prescription(uow.connection, prescription.id)
        if not held and prescription.state in IN_FORCE:
            await _begin(uow, prescription, event.lines, zone)
        for before in held:
            await _follow(uow, before, prescription, event.cause, zone)

    return {PrescriptionChanged: (prescription_changed,)}


async def plan(
    uow: UnitOfWork, medication: Medication, zone: ZoneInfo
) -> tuple[Medication, list[DoseChange]]:
    """Plan the doses of a locked medication up to the horizon, and write how far it is planned.

    Doses that exist stay as they are. Answers what is new, to be shown.
    """
    until = min(uow.now + HORIZON, medication.ends_at)
    if medication.as_needed or medication.ward is None or until <= medication.planned_until:
        return medication, []
    moments = medication.frequency.due(
        medication.starts_at, medication.ends_at, zone, medication.planned_until, until
    )
    doses = [
        Dose(uow.ids.new(), medication.line_id, moment, medication.ward, _state_at(moment, uow.now))
        for moment in moments
    ]
    after = replace(medication, planned_until=until)
    made = await rows.add_doses(uow.connection, doses)
    await rows.save(uow.connection, after)
    return after, [DoseChange(after, None, dose) for dose in made]


async def _begin(uow: UnitOfWork, prescription: Prescription, lines: Sequence[Line], zone: ZoneInfo) -> None:
    """A prescription came into force: each of its lines is given from now on."""
    medications = [_medication(prescription, line, uow.now) for line in lines]
    await rows.add(uow.connection, medications)
    shown: list[DoseChange] = []
    for medication in medications:
        planned, changes = await plan(uow, medication, zone)
        shown += changes
        await show_as_needed(uow, None, planned, Cause.ORDERED)
    await show_doses(uow, shown, Cause.ORDERED)


async def _follow(
    uow: UnitOfWork, before: Medication, prescription: Prescription, cause: Cause, zone: ZoneInfo
) -> None:
    state = _STATES.get(prescription.state, OrderState.IN_FORCE)
    after = replace(
        before,
        patient_id=prescription.patient_id,
        patient_name=prescription.patient_name,
        mrn=prescription.mrn,
        restricted=prescription.restricted,
        ward=prescription.ward,
        state=state,
        ceased_at=await _ceased_at(uow, before, state),
        ends_at=min(before.ends_at, max(uow.now, before.starts_at))
        if state is OrderState.ENDED and before.state is not OrderState.ENDED
        else before.ends_at,
    )
    if before.state is OrderState.ON_HOLD and state is OrderState.IN_FORCE:
        after = replace(after, planned_until=max(after.planned_until, uow.now))
    if after == before:
        return
    await rows.save(uow.connection, after)
    changes = await doses_follow(uow, before, after)
    if after.state is OrderState.IN_FORCE:
        after, planned = await plan(uow, after, zone)
        changes += planned
    await show_doses(uow, changes, cause)
    await show_as_needed(uow, before, after, cause)


async def doses_follow(uow: UnitOfWork, before: Medication, after: Medication) -> list[DoseChange]:
    """Pending doses go with the patient; a hold, a stop or a departure ends them, and may be taken back."""
    line = [after.line_id]
    if after.ward is None and before.ward is not None:
        ended = await rows.lock_doses(uow.connection, line)
        return await _change(uow, after, ended, lambda dose: _cancel(dose, CancelledFor.DEPARTURE))
    changes: list[DoseChange] = []
    if after.state is not before.state and after.state is not OrderState.IN_FORCE:
        why = CancelledFor.HOLD if after.state is OrderState.ON_HOLD else CancelledFor.STOP
        ended = await rows.lock_doses(uow.connection, line, since=uow.now)
        changes += await _change(uow, after, ended, lambda dose: _cancel(dose, why))
    for dose in await _to_restore(uow, before, after):
        changes += await _change(uow, after, [dose], lambda one: one.pending(DoseMove.RESTORE, uow.now))
    told = {change.after.id for change in changes}
    rest = [dose for dose in await rows.lock_doses(uow.connection, line) if dose.id not in told]
    return changes + await _change(uow, after, rest, lambda dose: dose)


async def _to_restore(uow: UnitOfWork, before: Medication, after: Medication) -> list[Dose]:
    """Doses that are due again, locked: a hold is over, or a departure was a mistake.

    Of a prescription that was stopped meanwhile those come back that were due before the stop.
    """
    back = CancelledFor.DEPARTURE if before.ward is None else CancelledFor.HOLD
    came_back = before.ward is None or before.state is OrderState.ON_HOLD
    if not came_back or after.ward is None or after.state is OrderState.ON_HOLD:
        return []
    if after.state is OrderState.ENDED and back is CancelledFor.HOLD:
        return []
    since = uow.now if back is CancelledFor.HOLD else None
    found = await rows.lock_doses(
        uow.connection, [after.line_id], states=[DoseState.CANCELLED], since=since, cancelled_for=back
    )
    return [dose for dose in found if after.ceased_at is None or dose.due_at < after.ceased_at]


async def _change(
    uow: UnitOfWork, medication: Medication, doses: Sequence[Dose], move: Callable[[Dose], Dose]
) -> list[DoseChange]:
    """Move locked doses, in the ward of the medication, and write those that differ."""
    changes = []
    for before in doses:
        moved = move(before)
        ward = medication.ward if medication.ward is not None else before.ward
        after = replace(moved, ward=ward, version=before.version + 1)
        changes.append(DoseChange(medication, before, after))
    await rows.save_doses(uow.connection, [change.after for change in changes])
    return changes


async def _ceased_at(uow: UnitOfWork, before: Medication, state: OrderState) -> datetime | None:
    """Since when it is not given: a hold that becomes a stop began with the hold.

    What is recorded as given stays: where clocks of servers differ, it ceases after that.
    """
    if state is OrderState.IN_FORCE or before.ceased_at is not None:
        return None if state is OrderState.IN_FORCE else before.ceased_at
    given = (await rows.taken(uow.connection, [before.line_id]))[before.line_id]
    return max([uow.now, *(one + AFTER for one in given[-1:])])


def _cancel(dose: Dose, why: CancelledFor) -> Dose:
    return dose.moved(DoseMove.CANCEL, why)


def _state_at(moment: datetime, now: datetime) -> DoseState:
    return DoseState.OVERDUE if moment + GRACE <= now else DoseState.DUE


def _medication(prescription: Prescription, line: Line, now: datetime) -> Medication:
    if prescription.admission_id is None:
        raise ValueError("only inpatients are given their medication by a ward")
    return Medication(
        line_id=line.id,
        prescription_id=prescription.id,
        admission_id=prescription.admission_id,
        patient_id=prescription.patient_id,
        patient_name=prescription.patient_name,
        mrn=prescription.mrn,
        restricted=prescription.restricted,
        ward=prescription.ward,
        name=line.name,
        controlled=line.controlled,
        dose=line.dose,
        dose_unit=line.dose_unit,
        route=line.route.value,
        note=line.note,
        frequency_kind=line.frequency_kind,
        times=line.times,
        every_hours=line.every_hours,
        max_per_24h=line.max_per_24h,
        starts_at=line.starts_at,
        ends_at=line.ends_at,
        state=OrderState.IN_FORCE,
        planned_until=max(line.starts_at, now - LOOK_BACK),
    )
