"""Reading admissions. Every answer with a name in it is audited before it is given."""

import uuid
from dataclasses import replace

from hms_rt.departments.ipd.model import Admission
from hms_rt.departments.ipd.reading import event_out, treats
from hms_rt.departments.ipd.repository import admissions as admission_rows
from hms_rt.departments.ipd.repository import history as history_rows
from hms_rt.departments.ipd.schemas import (
    AdmissionCursor,
    AdmissionHistory,
    AdmissionOut,
    AdmissionQuery,
)
from hms_rt.departments.ipd.service.foundation import Foundation
from hms_rt.kernel.commands import Command
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_ward, wards
from hms_rt.storage.unit_of_work import UnitOfWork


class Queries(Foundation):
    """Lists and single admissions; the wards within reach, and what the caller asked for themselves."""

    async def admissions(
        self, principal: Principal, command: Command, query: AdmissionQuery
    ) -> Page[AdmissionOut]:
        """Admissions of the wards within reach, newest request first; ``forbidden`` for another ward."""

        async def work(uow: UnitOfWork) -> Page[AdmissionOut]:
            require(principal, Permission.ADMISSION_READ)
            if query.ward is not None:
                require_ward(principal, Permission.ADMISSION_READ, query.ward)
            rows = await admission_rows.admissions(
                uow.connection,
                reach=wards(principal, Permission.ADMISSION_READ),
                requester=principal.id,
                ward=query.ward,
                patient_id=query.patient_id,
                state=query.state,
                before=decode_cursor(query.cursor, AdmissionCursor).id if query.cursor else None,
                limit=query.limit + 1,
            )
            shown, next_cursor = cut(rows, query.limit, lambda row: AdmissionCursor(id=row.id))
            uow.audit(
                "admission.list",
                entity="ward",
                entity_id=query.ward or "*",
                patient_id=query.patient_id,
                detail={"admissions": [str(row.id) for row in shown]},
            )
            items = await self._shown(uow.connection, principal, shown)
            return Page[AdmissionOut](items=items, next_cursor=next_cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[AdmissionOut], work)

    async def admission(
        self, principal: Principal, command: Command, admission_id: uuid.UUID
    ) -> AdmissionOut:
        """One admission with its stays; raises ``not_found``, ``forbidden``."""

        async def work(uow: UnitOfWork) -> AdmissionOut:
            found = await self._read(uow, principal, admission_id, "admission.read")
            (shown,) = await self._shown(uow.connection, principal, [found])
            return shown

        return await self._units.execute(principal, replace(command, key=None), AdmissionOut, work)

    async def history(
        self, principal: Principal, command: Command, admission_id: uuid.UUID
    ) -> AdmissionHistory:
        """Every move of an admission, with when it happened and when and by whom it was recorded."""

        async def work(uow: UnitOfWork) -> AdmissionHistory:
            found = await self._read(uow, principal, admission_id, "admission.read_history")
            clinical = treats(principal, found)
            rows = await history_rows.events(uow.connection, admission_id)
            return AdmissionHistory(events=[event_out(row, clinical=clinical) for row in rows])

        return await self._units.execute(principal, replace(command, key=None), AdmissionHistory, work)

    @staticmethod
    async def _read(uow: UnitOfWork, principal: Principal, admission_id: uuid.UUID, action: str) -> Admission:
        require(principal, Permission.ADMISSION_READ)
        found = await admission_rows.admission(uow.connection, admission_id)
        if found.requested_by != principal.id:
            require_ward(principal, Permission.ADMISSION_READ, found.ward)
        uow.audit(action, entity="admission", entity_id=found.id, patient_id=found.patient_id)
        return found
