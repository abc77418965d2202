"""A move of a token, appointment or visit is one thing: its row, its history, and what others hear of it.

Whoever decides it, service, projector or a death, writes it here. What moves is locked by the caller.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from hms_rt.departments.opd.events import AppointmentChanged, QueueChanged, Step, TokenGiven, TokenMoved
from hms_rt.departments.opd.model.appointment import Appointment, AppointmentMove
from hms_rt.departments.opd.model.token import Move, Token
from hms_rt.departments.opd.model.visit import Visit, VisitMove
from hms_rt.departments.opd.repository import appointments, tokens, visits
from hms_rt.kernel.changes import Cause
from hms_rt.storage.unit_of_work import UnitOfWork

TOKEN_CAUSES: dict[Move, Cause] = {
    Move.CALL: Cause.CALLED,
    Move.RECALL: Cause.RECALLED,
    Move.SERVE: Cause.SERVING,
    Move.HOLD: Cause.HELD,
    Move.RESUME: Cause.REQUEUED,
    Move.NO_SHOW: Cause.NO_SHOW,
    Move.REQUEUE: Cause.REQUEUED,
    Move.TRANSFER: Cause.TRANSFERRED,
    Move.DONE: Cause.DONE,
    Move.CANCEL: Cause.CANCELLED,
    Move.DAY_END: Cause.DAY_END,
}
"""What a screen is told of a move."""

APPOINTMENT_CAUSES: dict[AppointmentMove, Cause] = {
    AppointmentMove.ARRIVE: Cause.ARRIVED,
    AppointmentMove.FULFIL: Cause.DONE,
    AppointmentMove.CANCEL: Cause.CANCELLED,
    AppointmentMove.NO_SHOW: Cause.NO_SHOW,
    AppointmentMove.RESCHEDULE: Cause.RESCHEDULED,
}
"""What a list of appointments is told of a move."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A locked token before and after a move."""

    before: Token
    after: Token


async def move_tokens(uow: UnitOfWork, move: Move, moved: Sequence[Moved]) -> None:
    """Write locked tokens as ``move`` left them; :func:`count` follows."""
    for pair in moved:
        await tokens.save(uow.connection, pair.after, uow.now)
    await tokens.remember(
        uow.connection, [(pair.before.state, pair.after) for pair in moved], move, uow.principal.id, uow.now
    )
    for pair in moved:
        uow.record(TokenMoved.of(pair.before.state, pair.after, TOKEN_CAUSES[move]))


async def give_token(uow: UnitOfWork, held: Token, doctor_id: uuid.UUID) -> None:
    """A locked token is a doctor's from now on; nothing happens if it is already."""
    if held.doctor_id == doctor_id:
        return
    await tokens.save(uow.connection, replace(held, doctor_id=doctor_id, version=held.version + 1), uow.now)
    uow.record(TokenGiven(held.id, held.doctor_id))


def count(uow: UnitOfWork, moved: Sequence[Moved], joined: Sequence[Token] = ()) -> None:
    """Record what tokens change in the counts of their queues: one event per clinic, in order of clinics, so
    that no two commands lock their counts in another order."""
    steps = [(pair.after.clinic, Step(pair.after.day, pair.before.state, pair.after.state)) for pair in moved]
    steps += [(token.clinic, Step(token.day, None, token.state)) for token in joined]
    for clinic, group in groupby(sorted(steps, key=lambda item: item[0]), key=lambda item: item[0]):
        uow.record(QueueChanged(clinic, tuple(step for _, step in group)))


async def move_appointment(
    uow: UnitOfWork, move: AppointmentMove, before: Appointment, after: Appointment
) -> None:
    """Write a locked appointment as ``move`` left it."""
    await appointments.save(uow.connection, after)
    await appointments.remember(uow.connection, before.state, after, move, uow.principal.id, uow.now)
    uow.record(AppointmentChanged.of(after, APPOINTMENT_CAUSES[move]))


async def move_visit(uow: UnitOfWork, move: VisitMove, before: Visit, after: Visit) -> None:
    """Write a locked visit as ``move`` left it; audited."""
    await visits.save(uow.connection, after)
    await visits.remember(uow.connection, before.state, after, move, uow.principal.id, uow.now)
    uow.audit(f"visit.{move}", entity="visit", entity_id=after.id, patient_id=after.patient_id)
