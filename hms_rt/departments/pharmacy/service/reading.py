"""Reading prescriptions. Every answer is audited before it is given."""

import uuid
from dataclasses import asdict, replace

from hms_rt.departments.pharmacy.model.prescription import PrescriptionState
from hms_rt.departments.pharmacy.repository import prescriptions
from hms_rt.departments.pharmacy.repository.prescriptions import Shown
from hms_rt.departments.pharmacy.schemas.prescriptions import (
    IdCursor,
    OverrideOut,
    PrescriptionEventOut,
    PrescriptionHistory,
    PrescriptionOut,
    PrescriptionQuery,
    WarningOut,
    Warnings,
)
from hms_rt.departments.pharmacy.service.foundation import found, prescription_out, reach, require_at
from hms_rt.departments.pharmacy.service.late_allergies import LateAllergies
from hms_rt.departments.pharmacy.service.prescribing import Prescribing
from hms_rt.kernel.commands import Command
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Reading(Prescribing, LateAllergies):
    """Lists, single prescriptions, their warnings and history."""

    async def prescriptions(
        self, principal: Principal, command: Command, query: PrescriptionQuery
    ) -> Page[PrescriptionOut]:
        """Prescriptions of the caller's places, and those the caller wrote, newest first; audited."""
        before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None

        async def work(uow: UnitOfWork) -> Page[PrescriptionOut]:
            listed = await prescriptions.page(
                uow.connection,
                reach(principal, Permission.PRESCRIPTION_READ),
                number=query.number,
                patient_id=query.patient_id,
                admission_id=query.admission_id,
                dispensary=query.dispensary,
                state=query.state,
                before=before,
                limit=query.limit + 1,
            )
            shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one[0].id))
            uow.audit(
                "prescription.list",
                entity="prescription",
                entity_id=query.patient_id or "list",
                patient_id=query.patient_id,
                detail={"prescriptions": [str(one.id) for one, _ in shown]},
            )
            items = [prescription_out(principal, one, lines) for one, lines in shown]
            return Page[PrescriptionOut](items=items, next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[PrescriptionOut], work)

    async def prescription(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID
    ) -> PrescriptionOut:
        """One prescription; raises ``not_found``, ``forbidden``; audited."""

        async def work(uow: UnitOfWork) -> PrescriptionOut:
            return prescription_out(principal, *await _read(uow, prescription_id, "prescription.read"))

        return await self._units.execute(principal, replace(command, key=None), PrescriptionOut, work)

    async def prescription_warnings(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID
    ) -> Warnings:
        """What the prescriber must know as of now, and the warnings gone past at the activation; audited."""

        async def work(uow: UnitOfWork) -> Warnings:
            one, lines = await _read(uow, prescription_id, "prescription.warnings_read")
            past = await prescriptions.overrides(uow.connection, [line.id for line in lines])
            if one.state is PrescriptionState.DRAFT:
                raised = await self._warnings(uow, one, lines, uow.now)
            else:
                raised = await self._late(uow, one, lines)
            return Warnings(
                warnings=[WarningOut(**asdict(warning)) for warning in raised],
                overrides=[OverrideOut(**row._asdict()) for row in past],
            )

        return await self._units.execute(principal, replace(command, key=None), Warnings, work)

    async def prescription_history(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID
    ) -> PrescriptionHistory:
        """Every move, with when it happened and when and by whom it was recorded; audited."""

        async def work(uow: UnitOfWork) -> PrescriptionHistory:
            await _read(uow, prescription_id, "prescription.history_read")
            events = []
            for row in await prescriptions.events(uow.connection, prescription_id):
                values = row._asdict()
                del values["prescription_id"]
                events.append(PrescriptionEventOut(**values))
            return PrescriptionHistory(events=events)

        return await self._units.execute(principal, replace(command, key=None), PrescriptionHistory, work)


async def _read(uow: UnitOfWork, prescription_id: uuid.UUID, action: str) -> Shown:
    require(uow.principal, Permission.PRESCRIPTION_READ)
    one, lines = found(await prescriptions.find(uow.connection, prescription_id), "that prescription")
    require_at(uow.principal, Permission.PRESCRIPTION_READ, one)
    uow.audit(action, entity="prescription", entity_id=one.id, patient_id=one.patient_id)
    return one, lines
