"""What other departments do that belongs into the history of an admission."""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hms_rt.departments.beds.events import HoldEnd, HoldEnded
from hms_rt.departments.billing.events import AccountChanged, ChargeRaised
from hms_rt.departments.ipd.events import AdmissionChanged, DosesChanged
from hms_rt.departments.ipd.model import Move
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import births as birth_rows
from hms_rt.departments.ipd.repository import history as history_rows
from hms_rt.departments.lab.events import AlertChanged, LabTestsChanged
from hms_rt.departments.patients.events import PatientsMerged, PatientsUnmerged
from hms_rt.departments.pharmacy.events import PrescriptionChanged
from hms_rt.kernel.changes import Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

MOVES = {HoldEnd.EXPIRED: Move.EXPIRE_HOLD, HoldEnd.RELEASED: Move.RELEASE_HOLD}
"""Ends of a hold that no command of this department accounts for."""


async def hold_ended(uow: UnitOfWork, event: HoldEnded) -> None:
    """A hold that ran out, or ended with something else, is told in the history of the admission."""
    move = MOVES.get(event.how)
    if move is None:
        return
    admission = await admission_rows.admission(uow.connection, event.admission_id)
    await history_rows.insert_plain(
        uow.connection,
        event_id=uow.ids.new(),
        admission_id=admission.id,
        move=move,
        state=admission.state,
        ward=event.ward,
        bed_id=event.bed_id,
        at=uow.now,
        by=uow.principal.id,
    )
    uow.audit(f"admission.{move}", entity="admission", entity_id=admission.id, patient_id=event.patient_id)


CHANGES: Mapping[type[Event], Callable[[Any], set[uuid.UUID]]] = {
    LabTestsChanged: lambda event: {change.order.patient_id for change in event.changes},
    AlertChanged: lambda event: {event.order.patient_id},
    PrescriptionChanged: lambda event: {event.after.patient_id},
    ChargeRaised: lambda event: {event.patient_id},
    AccountChanged: lambda event: {event.patient_id},
    DosesChanged: lambda event: set(event.patient_ids),
    HoldEnded: lambda event: {event.patient_id},
    PatientsMerged: lambda event: {event.into.id},
    PatientsUnmerged: lambda event: {event.into.id, event.restored.id},
}
"""What changes the discharge checklist of whom; besides, a child's admission that of the mother."""

Recount = Callable[[UnitOfWork, uuid.UUID], Awaitable[None]]


def follow(
    projectors: dict[type[Event], list[Projector]],
    recount: Recount,
) -> None:
    """From now on ``recount`` is run for whoever's checklist changes."""

    def counting(patients: Callable[[Any], set[uuid.UUID]]) -> Projector:
        async def count(uow: UnitOfWork, event: Any) -> None:
            for patient_id in sorted(patients(event)):
                await recount(uow, patient_id)

        return count

    async def child_came_or_went(uow: UnitOfWork, event: AdmissionChanged) -> None:
        for birth in await birth_rows.of_admissions(uow.connection, [event.admission_id]):
            if birth.child_admission_id == event.admission_id:
                await recount(uow, birth.mother_id)

    for event, patients in CHANGES.items():
        projectors.setdefault(event, []).append(counting(patients))
    projectors.setdefault(AdmissionChanged, []).append(child_came_or_went)


PROJECTORS: dict[type[Event], Sequence[Projector]] = {HoldEnded: (hold_ended,)}
