"""Visits: opened at the door, written into by nurses and doctors, closed with a disposition."""

import uuid

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.opd.events import VisitClosed
from hms_rt.departments.opd.model.appointment import AppointmentMove, AppointmentState
from hms_rt.departments.opd.model.token import Move, Token, TokenState
from hms_rt.departments.opd.model.visit import Visit, VisitMove, VisitState
from hms_rt.departments.opd.repository import appointments, tokens, visits
from hms_rt.departments.opd.repository.moves import Moved, give_token, move_appointment, move_visit
from hms_rt.departments.opd.schemas.queue import Late
from hms_rt.departments.opd.schemas.visits import (
    VisitClose,
    VisitEnd,
    VisitEntryIn,
    VisitIn,
    VisitOut,
)
from hms_rt.departments.opd.service.clinics import check_clinic
from hms_rt.departments.opd.service.foundation import Foundation
from hms_rt.departments.patients.model.entry import ContextKind, EntryKind
from hms_rt.departments.patients.schemas.record import ContextRef, EntryNew, EntryOut
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_clinic
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

_TWICE = "opd_visit_open_key"


class Visits(Foundation):
    """A patient has one open visit in a clinic at most. Locks: patient, token, visit, appointment. What is
    written goes to the patients' record, with the visit as its context, in the same transaction."""

    async def open_visit(self, principal: Principal, command: Command, body: VisitIn) -> VisitOut:
        """Open a visit, with the patient's number in the clinic's queue if there is one.

        Raises ``not_found``, and ``conflict`` where one is open already, or the token is of another patient
        or clinic, or finished.
        """

        async def work(uow: UnitOfWork) -> VisitOut:
            require(principal, Permission.VISIT_OPEN)
            await check_clinic(uow.connection, body.clinic)
            require_clinic(principal, Permission.VISIT_OPEN, body.clinic)
            patient = await self._patients.lock(uow, body.patient_id)
            at = occurred(body.occurred_at, uow.now)
            token = await tokens.lock_stay(uow.connection, patient.id, body.clinic, body.token_id)
            if token is None and body.token_id is not None:
                raise conflict("that token is of another patient or clinic, or finished")
            kept = await appointments.lock_of_token(uow.connection, token.id) if token else None
            visit = Visit(
                id=uow.ids.new(),
                clinic=body.clinic,
                day=self._day(at),
                patient_id=patient.id,
                patient_name=patient.name,
                mrn=patient.mrn,
                state=VisitState.ARRIVED,
                opened_at=at,
                since=at,
                recorded_at=uow.now,
                token_id=token.id if token is not None else None,
                appointment_id=kept.id if kept is not None else None,
            )
            await _insert(uow, visit)
            return visit_out(visit)

        return await self._units.execute(principal, command, VisitOut, work)

    async def write_into(
        self, principal: Principal, command: Command, visit_id: uuid.UUID, body: VisitEntryIn
    ) -> EntryOut:
        """Write vitals, a note or a diagnosis; the first vitals are the triage. Raises ``illegal_move`` for a
        visit that is over, and as the patients' record does."""
        new = EntryNew(**body.model_dump(), context=ContextRef(kind=ContextKind.VISIT, id=visit_id))

        async def work(uow: UnitOfWork) -> EntryOut:
            seen = await _seen(uow, visit_id)
            entry = await self._patients.write_entry(uow, principal, seen.patient_id, new)
            visit = await _held(uow, visit_id)
            visit.check_open()
            if entry.kind == EntryKind.VITALS and visit.state is VisitState.ARRIVED:
                after = visit.moved(VisitMove.TRIAGE, max(entry.occurred_at, visit.since))
                await move_visit(uow, VisitMove.TRIAGE, visit, after)
            return entry

        return await self._units.execute(principal, command, EntryOut, work)

    async def consult(
        self, principal: Principal, command: Command, visit_id: uuid.UUID, body: Late
    ) -> VisitOut:
        """A doctor sees the patient; a called number is served by it. Raises ``illegal_move``, and
        ``conflict`` while the number waits to be called."""

        async def work(uow: UnitOfWork) -> VisitOut:
            seen = await self._starting(uow, principal, Permission.VISIT_CONSULT, visit_id)
            token = await self._token(uow, seen)
            visit = await _held(uow, visit_id, command)
            at = occurred(body.occurred_at, uow.now, after=visit.since)
            after = visit.moved(VisitMove.CONSULT, at, doctor_id=principal.id)
            if token is not None and token.state is TokenState.CALLED:
                called, token = token, token.moved(Move.SERVE, max(at, token.since))
                await self._save(uow, Move.SERVE, [Moved(called, token)])
            elif token is not None and token.state is not TokenState.SERVING:
                raise conflict(f"number {token.label} is {token.state}: call it first")
            if token is not None:
                await give_token(uow, token, principal.id)
            await move_visit(uow, VisitMove.CONSULT, visit, after)
            return visit_out(after)

        return await self._units.execute(principal, command, VisitOut, work)

    async def close_visit(
        self, principal: Principal, command: Command, visit_id: uuid.UUID, body: VisitClose
    ) -> VisitOut:
        """The consultation is over: the number that is served is done, the appointment fulfilled. Raises
        ``illegal_move``, ``stale_version``."""

        async def work(uow: UnitOfWork) -> VisitOut:
            seen = await self._starting(uow, principal, Permission.VISIT_CONSULT, visit_id)
            token = await self._token(uow, seen)
            visit = await _held(uow, visit_id, command)
            at = occurred(body.occurred_at, uow.now, after=visit.since)
            after = visit.moved(VisitMove.CLOSE, at, disposition=body.disposition)
            await move_visit(uow, VisitMove.CLOSE, visit, after)
            if token is not None and token.state is TokenState.SERVING:
                done = token.moved(Move.DONE, max(at, token.since))
                await self._save(uow, Move.DONE, [Moved(token, done)])
            await _fulfil(uow, visit)
            known = await tokens.find(uow.connection, visit.token_id) if visit.token_id else None
            journey = known.journey if known is not None else None
            uow.record(VisitClosed(visit.id, visit.patient_id, visit.clinic, after.since, journey))
            return visit_out(after)

        return await self._units.execute(principal, command, VisitOut, work)

    async def leave(
        self, principal: Principal, command: Command, visit_id: uuid.UUID, body: VisitEnd
    ) -> VisitOut:
        """The patient left before anybody saw them; a number that waits is cancelled, a called one is a
        no-show. Happens by itself to a visit whose number is cancelled, or closed when the day ends."""

        async def work(uow: UnitOfWork) -> VisitOut:
            seen = await self._starting(uow, principal, Permission.VISIT_OPEN, visit_id)
            token = await self._token(uow, seen)
            visit = await _held(uow, visit_id, command)
            at = occurred(body.occurred_at, uow.now, after=visit.since)
            after = visit.moved(VisitMove.LEAVE, at, reason=body.reason)
            await move_visit(uow, VisitMove.LEAVE, visit, after)
            move = _GONE.get(token.state) if token is not None else None
            if token is not None and move is not None:
                gone = token.moved(move, max(at, token.since), reason=body.reason)
                await self._save(uow, move, [Moved(token, gone)])
            return visit_out(after)

        return await self._units.execute(principal, command, VisitOut, work)

    async def cancel_visit(
        self, principal: Principal, command: Command, visit_id: uuid.UUID, body: VisitEnd
    ) -> VisitOut:
        """The visit was opened by mistake; the number stays in its queue."""

        async def work(uow: UnitOfWork) -> VisitOut:
            await self._starting(uow, principal, Permission.VISIT_OPEN, visit_id)
            visit = await _held(uow, visit_id, command)
            at = occurred(body.occurred_at, uow.now, after=visit.since)
            after = visit.moved(VisitMove.CANCEL, at, reason=body.reason)
            await move_visit(uow, VisitMove.CANCEL, visit, after)
            return visit_out(after)

        return await self._units.execute(principal, command, VisitOut, work)

    async def _starting(
        self, uow: UnitOfWork, principal: Principal, permission: Permission, visit_id: uuid.UUID
    ) -> Visit:
        """The visit, before anything is locked but its patient."""
        require(principal, permission)
        seen = await _seen(uow, visit_id)
        require_clinic(principal, permission, seen.clinic)
        await self._patients.lock(uow, seen.patient_id)
        return seen

    @staticmethod
    async def _token(uow: UnitOfWork, visit: Visit) -> Token | None:
        """Lock where the visit's number is now in the clinic, if it is there and not finished."""
        if visit.token_id is None:
            return None
        return await tokens.lock_current(uow.connection, visit.token_id, visit.clinic)


_GONE = {
    TokenState.WAITING: Move.CANCEL,
    TokenState.ON_HOLD: Move.CANCEL,
    TokenState.CALLED: Move.NO_SHOW,
}
"""What becomes of the number of a patient who left."""


async def _seen(uow: UnitOfWork, visit_id: uuid.UUID) -> Visit:
    seen = await visits.find(uow.connection, visit_id)
    if seen is None:
        raise not_found("that visit")
    return seen


async def _held(uow: UnitOfWork, visit_id: uuid.UUID, command: Command | None = None) -> Visit:
    held = await visits.lock(uow.connection, visit_id)
    if held is None:
        raise not_found("that visit")
    if command is not None:
        command.check_version(held.version)
    return held


async def _insert(uow: UnitOfWork, visit: Visit) -> None:
    already = await visits.find_open(uow.connection, visit.patient_id, visit.clinic)
    if already is not None:
        raise conflict(f"the patient has an open visit in clinic {visit.clinic}: {already.id}")
    try:
        await visits.insert(uow.connection, visit)
    except IntegrityError as error:
        if violated(error) == _TWICE:
            raise conflict(f"the patient has an open visit in clinic {visit.clinic}") from error
        raise
    await visits.remember(uow.connection, None, visit, None, uow.principal.id, uow.now)
    uow.audit("visit.open", entity="visit", entity_id=visit.id, patient_id=visit.patient_id)


async def _fulfil(uow: UnitOfWork, visit: Visit) -> None:
    if visit.appointment_id is None:
        return
    held = await appointments.lock(uow.connection, visit.appointment_id)
    if held is not None and held.state is AppointmentState.ARRIVED:
        after = held.moved(AppointmentMove.FULFIL, max(uow.now, held.since))
        await move_appointment(uow, AppointmentMove.FULFIL, held, after)


def visit_out(visit: Visit) -> VisitOut:
    """A visit as it is answered."""
    return VisitOut(**{name: getattr(visit, name) for name in VisitOut.model_fields})
