"""What a death ends in the laboratory: specimens that nobody will take.

What was collected is measured and released: results after death are wanted, for the cause of it and for
those who were near. For the same reason tests may be ordered for the dead. Nothing that was cancelled comes
back if the death is revoked: it is ordered anew.
"""

from hms_rt.departments.lab.events import LabChange, LabTestsChanged
from hms_rt.departments.lab.model.labtest import LabMove, LabState
from hms_rt.departments.lab.repository import history, labtests, worklists
from hms_rt.departments.lab.repository.history import Happened
from hms_rt.departments.patients.events import PatientDied
from hms_rt.kernel.changes import Cause
from hms_rt.storage.unit_of_work import UnitOfWork

REASON = "the patient died"
"""Why a test that waited for its specimen is cancelled."""


async def patient_died(uow: UnitOfWork, event: PatientDied) -> None:
    """Tests whose specimen was not taken are cancelled, on every worklist; the patient is locked.

    Also those whose specimen was rejected: it cannot be taken again.
    """
    await labtests.lock_orders_of(uow.connection, event.patient.id)
    waiting = [
        (order, test)
        for order, test in await worklists.lock_of_patient(uow.connection, event.patient.id)
        if test.state is LabState.ORDERED
    ]
    saved = await labtests.save(uow.connection, [test.cancel(REASON) for _, test in waiting])
    what = Happened(LabMove.CANCEL.value, uow.principal.id, uow.now, uow.now, REASON)
    await history.append(uow.connection, saved, what)
    changes = tuple(
        LabChange(order, before, after) for (order, before), after in zip(waiting, saved, strict=True)
    )
    for change in changes:
        uow.audit(
            "lab.cancel_test", entity="lab_test", entity_id=change.after.id, patient_id=event.patient.id
        )
    if changes:
        uow.record(LabTestsChanged(changes, Cause.CANCELLED))
