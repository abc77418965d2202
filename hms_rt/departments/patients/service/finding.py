"""Finding and reading patients. Every access is accounted for."""

import uuid

from hms_rt.departments.patients.model.identifier import compared
from hms_rt.departments.patients.model.patient import Patient, digits, normalised
from hms_rt.departments.patients.reading import shown_as
from hms_rt.departments.patients.repository import identifiers, patients
from hms_rt.departments.patients.schemas import (
    BreakGlass,
    PatientCursor,
    PatientOut,
    PatientQuery,
    Shown,
)
from hms_rt.departments.patients.service.foundation import Foundation, closed, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, Scope, may, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Finding(Foundation):
    """Who the patients are, as far as the caller may see."""

    async def get(
        self,
        principal: Principal,
        command: Command,
        patient_id: uuid.UUID,
        glass: BreakGlass | None = None,
    ) -> PatientOut:
        """One patient, as much as the caller may see; raises ``not_found`` or ``forbidden``.

        ``glass`` opens a restricted patient to doctors and nurses who do not treat.
        """

        async def work(uow: UnitOfWork) -> PatientOut:
            require(principal, Permission.PATIENT_READ_MINIMUM)
            asked = found(await patients.by_id(uow.connection, patient_id))
            patient = await patients.survivor(uow.connection, asked)
            shown = await self._shown(uow, principal, patient)
            if shown in (None, Shown.MASKED) and self._opened(uow, principal, patient, glass):
                shown = Shown.ALL
            if shown is None or shown is Shown.MASKED:
                raise closed(patient)
            self._audit_read(uow, "patient.read", patient.id, shown)
            return shown_as(patient, shown, asked)

        return await self._units.execute(principal, command, PatientOut, work)

    async def search(self, principal: Principal, command: Command, query: PatientQuery) -> Page[PatientOut]:
        """Patients by beginning of the name, by number, or by end of the telephone number.

        Patients outside the caller's scope are left out and merged ones answer the survivor, so a page may
        be shorter than asked for; restricted ones are masked. The search is audited, and so is each patient
        it showed.
        """

        async def work(uow: UnitOfWork) -> Page[PatientOut]:
            require(principal, Permission.PATIENT_SEARCH)
            matched = await _matching(uow, query)
            page, cursor = cut(matched, query.limit, lambda patient: _cursor(query, patient))
            items: list[PatientOut] = []
            for asked in page:
                patient = await patients.survivor(uow.connection, asked)
                if any(item.id == patient.id for item in items):
                    continue
                shown = await self._shown(uow, principal, patient)
                if shown is not None:
                    self._audit_read(uow, "patient.found", patient.id, shown)
                    items.append(shown_as(patient, shown, asked))
            uow.audit(
                "patient.search",
                entity="search",
                entity_id=command.request_id,
                detail={"by": _by(query), "shown": len(items)},
            )
            return Page[PatientOut](items=items, next_cursor=cursor)

        return await self._units.execute(principal, command, Page[PatientOut], work)

    async def _shown(self, uow: UnitOfWork, principal: Principal, patient: Patient) -> Shown | None:
        if await self._allowed(uow.connection, principal, Permission.PATIENT_READ, patient):
            return Shown.ALL
        if await self._allowed(uow.connection, principal, Permission.PATIENT_READ_MINIMUM, patient):
            return Shown.MINIMUM
        if patient.restricted and may(principal, Permission.PATIENT_READ_MINIMUM) is Scope.ANY:
            return Shown.MASKED
        return None

    @staticmethod
    def _audit_read(uow: UnitOfWork, action: str, patient_id: uuid.UUID, shown: Shown) -> None:
        uow.audit(
            action,
            entity="patient",
            entity_id=patient_id,
            patient_id=patient_id,
            detail={"fields": shown.value},
        )


async def _matching(uow: UnitOfWork, query: PatientQuery) -> list[Patient]:
    after = decode_cursor(query.cursor, PatientCursor) if query.cursor else None
    start = (after.key, after.id) if after is not None else None
    if query.mrn is not None:
        return await patients.by_mrn(uow.connection, query.mrn)
    if query.identifier is not None:
        return await _numbered(uow, query.identifier, query.limit)
    if query.phone is not None:
        ending = digits(query.phone)
        return await patients.reached_at(uow.connection, ending, after=start, limit=query.limit + 1)
    prefix = normalised(query.name or "")
    if not prefix:
        raise HmsError(Code.INVALID, "name: needs a letter or a digit")
    return await patients.named(uow.connection, prefix, after=start, limit=query.limit + 1)


async def _numbered(uow: UnitOfWork, written: str, limit: int) -> list[Patient]:
    """Whose number it is: an MRN, or what another issuer gave. All fit on one page."""
    number = compared(written)
    if not number:
        raise HmsError(Code.INVALID, "identifier: needs a letter or a digit")
    ids = await identifiers.patients_with(uow.connection, number, limit=limit)
    found = {one.id: one for one in await patients.by_mrn(uow.connection, written.strip().upper())}
    found.update((one.id, one) for one in await patients.by_ids(uow.connection, ids))
    return [found[each] for each in sorted(found)][:limit]


def _by(query: PatientQuery) -> str:
    named = ("mrn", "phone", "identifier", "name")
    return next(name for name in named if getattr(query, name) is not None)


def _cursor(query: PatientQuery, patient: Patient) -> PatientCursor:
    key = patient.phone_reversed if query.phone is not None else patient.search_name
    return PatientCursor(key=key, id=patient.id)
