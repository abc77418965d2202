"""What a death ends of an admission. Nothing of it comes back if the death is revoked: ask for it anew."""

from hms_rt.departments.ipd.model import MOVES, Move
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.service.foundation import Outcome
from hms_rt.departments.ipd.service.placing import Placing
from hms_rt.departments.patients.events import PatientDied
from hms_rt.storage.unit_of_work import UnitOfWork

REASON = "the patient died"
"""Why what was asked for is cancelled."""


class Deaths(Placing):
    """Follows the record of a death, whoever makes it."""

    async def patient_died(self, uow: UnitOfWork, event: PatientDied) -> None:
        """Who died is not awaited any more: the request is cancelled, the bed that is kept is free.

        Who lies in a bed stays there until the departure says that they died. The patient is locked.
        """
        found = await admission_rows.open_of_patient(uow.connection, event.patient.id)
        if found is None:
            return
        before = await admission_rows.lock_admission(uow.connection, found.id)
        await self._give_up_hold(uow, before)
        if Move.CANCEL in MOVES[before.state]:
            after = before.cancel(uow.now)
            await admission_rows.save_admission(uow.connection, after)
            await self._written(uow, Outcome(Move.CANCEL, before, after, uow.now, reason=REASON))
