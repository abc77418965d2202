"""What a death ends in the clinics. Nothing of it comes back if the death is revoked: it is booked anew."""

from hms_rt.departments.opd.model.appointment import Appointment, AppointmentMove, AppointmentState
from hms_rt.departments.opd.model.token import MOVES, Move, Token
from hms_rt.departments.opd.repository import appointments, slots, tokens
from hms_rt.departments.opd.repository.moves import Moved, count, move_appointment, move_tokens
from hms_rt.departments.patients.events import PatientDied
from hms_rt.storage.unit_of_work import UnitOfWork

REASON = "the patient died"
"""Why what was booked or waited for is cancelled."""


async def patient_died(uow: UnitOfWork, event: PatientDied) -> None:
    """Nobody will come to what is booked, nor to a counter; the patient is locked.

    Places are free again, and nobody calls the number or reminds the family. Who is at a counter already is
    left to whoever is with them.
    """
    coming = await appointments.booked_of_patient(uow.connection, event.patient.id)
    await slots.lock(uow.connection, {each.slot_id for each in coming})
    await _cancel_tokens(uow, await tokens.lock_of_patient(uow.connection, event.patient.id))
    for held in await appointments.lock_of_patient(uow.connection, event.patient.id):
        if held.state is AppointmentState.BOOKED:
            await _cancel_appointment(uow, held)


async def _cancel_tokens(uow: UnitOfWork, held: list[Token]) -> None:
    pairs = [
        Moved(token, token.moved(Move.CANCEL, max(uow.now, token.since), reason=REASON))
        for token in held
        if token.state in MOVES[Move.CANCEL]
    ]
    await move_tokens(uow, Move.CANCEL, pairs)
    for pair in pairs:
        token = pair.after
        uow.audit("token.cancel", entity="token", entity_id=token.id, patient_id=token.patient_id)
    count(uow, pairs)


async def _cancel_appointment(uow: UnitOfWork, held: Appointment) -> None:
    after = held.moved(AppointmentMove.CANCEL, max(uow.now, held.since), reason=REASON)
    await move_appointment(uow, AppointmentMove.CANCEL, held, after)
    uow.audit("appointment.cancel", entity="appointment", entity_id=after.id, patient_id=after.patient_id)
