"""What a death ends in the pharmacy. Nothing comes back if the death is revoked: a doctor prescribes anew."""

from hms_rt.departments.patients.events import PatientDied
from hms_rt.departments.pharmacy.events import PrescriptionChanged
from hms_rt.departments.pharmacy.model.prescription import (
    Prescription,
    PrescriptionMove,
    PrescriptionState,
)
from hms_rt.departments.pharmacy.repository import prescriptions
from hms_rt.departments.pharmacy.repository.prescriptions import Recorded
from hms_rt.kernel.changes import Cause
from hms_rt.storage.unit_of_work import UnitOfWork

REASON = "the patient died"
"""Why a prescription is stopped, or its draft cancelled."""

_ENDS = {
    PrescriptionState.DRAFT: (PrescriptionMove.CANCEL,),
    PrescriptionState.ON_HOLD: (PrescriptionMove.RESUME, PrescriptionMove.STOP),
}
"""How what is not in force ends; only the moves of DESIGN §8, each in the history."""


async def patient_died(uow: UnitOfWork, event: PatientDied) -> None:
    """Whatever is not over is stopped and leaves the queues; drafts are cancelled; the patient is locked.

    Doses that are due later disappear from the ward with it. What was due before stays there until a nurse
    says what became of it.
    """
    for before, lines in await prescriptions.lock_of_patient(uow.connection, event.patient.id):
        if before.state is PrescriptionState.DISPENSED and not before.given_on_ward:
            continue
        after = before
        for move in _ENDS.get(before.state, (PrescriptionMove.STOP,)):
            after = await _moved(uow, after, move)
        uow.record(PrescriptionChanged(before, after, tuple(lines), Cause.CANCELLED))


async def _moved(uow: UnitOfWork, before: Prescription, move: PrescriptionMove) -> Prescription:
    after = before.move(move, REASON)
    await prescriptions.save(uow.connection, after)
    recorded = Recorded(uow.ids.new(), move, uow.now, uow.now, uow.principal.id)
    await prescriptions.add_event(uow.connection, before, after, recorded)
    uow.audit(
        f"prescription.{move}",
        entity="prescription",
        entity_id=after.id,
        patient_id=after.patient_id,
        detail={"from": before.state, "to": after.state},
    )
    return after
