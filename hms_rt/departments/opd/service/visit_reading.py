"""Reading visits."""

import uuid
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd.model.visit import Visit
from hms_rt.departments.opd.repository import visits
from hms_rt.departments.opd.schemas.scheduling import IdCursor
from hms_rt.departments.opd.schemas.visits import (
    VisitFull,
    VisitHistory,
    VisitOut,
    VisitQuery,
    VisitStep,
)
from hms_rt.departments.opd.service.foundation import Foundation
from hms_rt.departments.opd.service.visits import visit_out
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_clinic
from hms_rt.security.permissions import clinics as clinics_in_reach
from hms_rt.storage.unit_of_work import UnitOfWork


class VisitReading(Foundation):
    """What those who treat patients see; every read is audited."""

    async def visit(self, principal: Principal, command: Command, visit_id: uuid.UUID) -> VisitFull:
        """One visit with what was ordered. Raises ``not_found``, ``forbidden``."""

        async def work(uow: UnitOfWork) -> VisitFull:
            found = await _read(uow, visit_id)
            orders = await visits.orders(uow.connection, visit_id)
            return VisitFull(**visit_out(found).model_dump(), lab_orders=orders)

        return await self._units.execute(principal, replace(command, key=None), VisitFull, work)

    async def visit_history(
        self, principal: Principal, command: Command, visit_id: uuid.UUID
    ) -> VisitHistory:
        """How a visit came to its state, oldest first. Raises ``not_found``, ``forbidden``."""

        async def work(uow: UnitOfWork) -> VisitHistory:
            await _read(uow, visit_id)
            names = VisitStep.model_fields
            return VisitHistory(
                items=[
                    VisitStep(**{name: getattr(row, name) for name in names})
                    for row in await visits.history(uow.connection, visit_id)
                ]
            )

        return await self._units.execute(principal, replace(command, key=None), VisitHistory, work)

    async def visits(self, principal: Principal, command: Command, query: VisitQuery) -> Page[VisitOut]:
        """Visits in the clinics of the caller, newest first."""
        before = decode_cursor(query.cursor, IdCursor).id if query.cursor else None

        async def work(uow: UnitOfWork) -> Page[VisitOut]:
            require(principal, Permission.VISIT_READ)
            rows = await visits.page(
                uow.connection,
                clinics_in_reach(principal, Permission.VISIT_READ),
                equal={
                    "clinic_code": query.clinic,
                    "patient_id": query.patient,
                    "doctor_id": query.doctor,
                    "day": query.day,
                    "state": query.state,
                },
                before=before,
                limit=query.limit + 1,
            )
            shown, following = cut(rows, query.limit, lambda row: IdCursor(id=row.id))
            uow.audit(
                "visits.read",
                entity="visit",
                entity_id=query.clinic or "list",
                patient_id=query.patient,
                detail={"visits": [str(row.id) for row in shown]},
            )
            return Page[VisitOut](items=[visit_out(row) for row in shown], next_cursor=following)

        return await self._units.execute(principal, replace(command, key=None), Page[VisitOut], work)


async def _read(uow: UnitOfWork, visit_id: uuid.UUID) -> Visit:
    require(uow.principal, Permission.VISIT_READ)
    found = await visits.find(uow.connection, visit_id)
    if found is None:
        raise not_found("that visit")
    require_clinic(uow.principal, Permission.VISIT_READ, found.clinic)
    uow.audit("visit.read", entity="visit", entity_id=visit_id, patient_id=found.patient_id)
    return found


async def open_visit(connection: AsyncConnection, patient_id: uuid.UUID, clinic: str) -> uuid.UUID | None:
    """The patient's open visit in a clinic. For the laboratory, whose orders belong to visits."""
    found = await visits.find_open(connection, patient_id, clinic)
    return found.id if found is not None else None


async def patient_of_visit(connection: AsyncConnection, visit_id: uuid.UUID) -> uuid.UUID:
    """Whose a visit is; raises ``not_found``. For the record, whose entries belong to visits."""
    found = await visits.find(connection, visit_id)
    if found is None:
        raise not_found("that visit")
    return found.patient_id
