"""What a death ends in the clinics. Nothing of it comes back if the death is revoked: it is booked anew."""

from itertools import groupby

from hms_rt.departments.opd.events import AppointmentChanged, QueueChanged, Step, TokenMoved
from hms_rt.departments.opd.model.appointment import Appointment, AppointmentMove, AppointmentState
from hms_rt.departments.opd.model.token import MOVES, Move, Token
from hms_rt.departments.opd.repository import appointments, slots, tokens
from hms_rt.departments.patients.events import PatientDied
from hms_rt.kernel.changes import Cause
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
    waiting = [token for token in held if token.state in MOVES[Move.CANCEL]]
    for before in waiting:
        after = before.moved(Move.CANCEL, max(uow.now, before.since), reason=REASON)
        await tokens.save(uow.connection, after, uow.now)
        await tokens.remember(uow.connection, [(before.state, after)], Move.CANCEL, uow.principal.id, uow.now)
        uow.audit("token.cancel", entity="token", entity_id=after.id, patient_id=after.patient_id)
        uow.record(
            TokenMoved(
                after.id,
                after.patient_id,
                after.clinic,
                after.day,
                before.state,
                after.state,
                Cause.CANCELLED,
                after.journey,
            )
        )
    cancelled = MOVES[Move.CANCEL]
    for clinic, several in groupby(sorted(waiting, key=_clinic), key=_clinic):
        steps = tuple(Step(token.day, token.state, cancelled[token.state]) for token in several)
        uow.record(QueueChanged(clinic, steps))


async def _cancel_appointment(uow: UnitOfWork, held: Appointment) -> None:
    after = held.moved(AppointmentMove.CANCEL, max(uow.now, held.since), reason=REASON)
    await appointments.save(uow.connection, after)
    await appointments.remember(
        uow.connection, held.state, after, AppointmentMove.CANCEL, uow.principal.id, uow.now
    )
    uow.audit("appointment.cancel", entity="appointment", entity_id=after.id, patient_id=after.patient_id)
    uow.record(
        AppointmentChanged(after.id, after.patient_id, after.clinic, after.day, after.state, Cause.CANCELLED)
    )


def _clinic(token: Token) -> str:
    return token.clinic
