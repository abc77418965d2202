"""Registering, finding, reading and correcting patients. Every access is accounted for."""

import uuid
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.patients.events import PatientRegistered, PatientRenamed
from hms_rt.departments.patients.model.patient import (
    Patient,
    check_birth_date,
    digits,
    normalised,
    placeholder_name,
)
from hms_rt.departments.patients.repository import patients
from hms_rt.departments.patients.schemas import (
    MergedFrom,
    PatientCursor,
    PatientNew,
    PatientOut,
    PatientQuery,
    PatientUpdate,
    Shown,
)
from hms_rt.departments.patients.service.foundation import Foundation, acting, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError, conflict, forbidden
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Registration(Foundation):
    """Who the patients are."""

    async def register(self, principal: Principal, command: Command, new: PatientNew) -> PatientOut:
        """Register a patient, by name or unidentified; records ``PatientRegistered``.

        The database issues the MRN unless one is given; ``conflict`` if that one is taken.
        """

        async def work(uow: UnitOfWork) -> PatientOut:
            require(principal, Permission.PATIENT_REGISTER)
            check_birth_date(new.birth_date, uow.now)
            try:
                patient = await patients.add(uow.connection, fresh(uow, new))
            except IntegrityError as error:
                if violated(error) == "patients_patient_mrn_key":
                    raise conflict("a patient with this MRN is registered already") from None
                raise
            uow.audit(
                "patient.register",
                entity="patient",
                entity_id=patient.id,
                patient_id=patient.id,
                detail={"unidentified": new.unidentified, "mrn_given": new.mrn is not None},
            )
            uow.record(PatientRegistered(patient.id))
            return _out(patient, Shown.ALL)

        return await self._units.execute(principal, command, PatientOut, work)

    async def get(self, principal: Principal, command: Command, patient_id: uuid.UUID) -> PatientOut:
        """One patient, as much as the caller may see; raises ``not_found`` or ``forbidden``."""

        async def work(uow: UnitOfWork) -> PatientOut:
            require(principal, Permission.PATIENT_READ_MINIMUM)
            asked = found(await patients.by_id(uow.connection, patient_id))
            patient = await patients.survivor(uow.connection, asked)
            shown = await self._shown(uow, principal, patient.id)
            if shown is None:
                raise forbidden("this patient is not in your wards or clinics")
            self._audit_read(uow, "patient.read", patient.id, shown)
            return _out(patient, shown, asked)

        return await self._units.execute(principal, command, PatientOut, work)

    async def search(self, principal: Principal, command: Command, query: PatientQuery) -> Page[PatientOut]:
        """Patients by beginning of the name, by MRN, or by end of the telephone number.

        Patients outside the caller's scope are left out, so a page may be shorter than asked for. The
        search is audited, and so is each patient it showed.
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
                shown = await self._shown(uow, principal, patient.id)
                if shown is not None:
                    self._audit_read(uow, "patient.found", patient.id, shown)
                    items.append(_out(patient, shown, asked))
            uow.audit(
                "patient.search",
                entity="search",
                entity_id=command.request_id,
                detail={"by": _by(query), "shown": len(items)},
            )
            return Page[PatientOut](items=items, next_cursor=cursor)

        return await self._units.execute(principal, command, Page[PatientOut], work)

    async def update(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, change: PatientUpdate
    ) -> PatientOut:
        """Correct demographics, or identify somebody; requires the version that was read.

        Records ``PatientRenamed`` when name, sex or birth date change. Raises ``stale_version``.
        """

        async def work(uow: UnitOfWork) -> PatientOut:
            require(principal, Permission.PATIENT_UPDATE)
            patient = acting(await patients.lock(uow.connection, patient_id))
            if not await self._allowed(uow.connection, principal, Permission.PATIENT_UPDATE, patient.id):
                raise forbidden("this patient is not in your wards or clinics")
            command.require_version(patient.version)
            check_birth_date(change.birth_date, uow.now)
            changed = _changed(patient, change)
            if changed == patient:
                return _out(patient, Shown.ALL)
            changed = replace(changed, version=patient.version + 1, updated_at=uow.now)
            await patients.save(uow.connection, changed)
            uow.audit(
                "patient.update",
                entity="patient",
                entity_id=patient.id,
                patient_id=patient.id,
                detail={
                    "fields": sorted(change.model_fields_set),
                    "identified": patient.unidentified and not changed.unidentified,
                },
            )
            if changed.brief() != patient.brief():
                uow.record(PatientRenamed(changed.brief()))
            return _out(changed, Shown.ALL)

        return await self._units.execute(principal, command, PatientOut, work)

    async def _shown(self, uow: UnitOfWork, principal: Principal, patient_id: uuid.UUID) -> Shown | None:
        if await self._allowed(uow.connection, principal, Permission.PATIENT_READ, patient_id):
            return Shown.ALL
        if await self._allowed(uow.connection, principal, Permission.PATIENT_READ_MINIMUM, patient_id):
            return Shown.MINIMUM
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


def fresh(uow: UnitOfWork, new: PatientNew) -> Patient:
    """``new`` as a patient of version 1; without an MRN until the database issues one."""
    patient_id = uow.ids.new()
    return Patient(
        id=patient_id,
        mrn=new.mrn or "",
        family_name=new.family_name or placeholder_name(patient_id),
        given_name=new.given_name or "",
        sex=new.sex,
        birth_date=new.birth_date,
        phone=new.phone or "",
        unidentified=new.unidentified,
        version=1,
        created_at=uow.now,
        updated_at=uow.now,
    )


def _changed(patient: Patient, change: PatientUpdate) -> Patient:
    """``patient`` with the fields that were sent; a family name identifies."""
    fields: dict[str, Any] = {name: getattr(change, name) for name in change.model_fields_set}
    for cleared in ("given_name", "phone"):
        if cleared in fields and fields[cleared] is None:
            fields[cleared] = ""
    if "family_name" in fields:
        fields["unidentified"] = False
    return replace(patient, **fields)


async def _matching(uow: UnitOfWork, query: PatientQuery) -> list[Patient]:
    after = decode_cursor(query.cursor, PatientCursor) if query.cursor else None
    start = (after.key, after.id) if after is not None else None
    if query.mrn is not None:
        return await patients.by_mrn(uow.connection, query.mrn)
    if query.phone is not None:
        ending = digits(query.phone)
        return await patients.reached_at(uow.connection, ending, after=start, limit=query.limit + 1)
    prefix = normalised(query.name or "")
    if not prefix:
        raise HmsError(Code.INVALID, "name: needs a letter or a digit")
    return await patients.named(uow.connection, prefix, after=start, limit=query.limit + 1)


def _by(query: PatientQuery) -> str:
    return "mrn" if query.mrn is not None else "phone" if query.phone is not None else "name"


def _cursor(query: PatientQuery, patient: Patient) -> PatientCursor:
    key = patient.phone_reversed if query.phone is not None else patient.search_name
    return PatientCursor(key=key, id=patient.id)


def _out(patient: Patient, shown: Shown, asked: Patient | None = None) -> PatientOut:
    """``patient``; where ``asked`` was merged into it, the answer says so."""
    elsewhere = asked is not None and asked.id != patient.id
    merged_from = MergedFrom(id=asked.id, mrn=asked.mrn) if asked is not None and elsewhere else None
    return PatientOut(
        id=patient.id,
        mrn=patient.mrn,
        name=patient.name,
        family_name=patient.family_name,
        given_name=patient.given_name,
        sex=patient.sex,
        birth_date=patient.birth_date,
        unidentified=patient.unidentified,
        phone=(patient.phone or None) if shown is Shown.ALL else None,
        shown=shown,
        version=patient.version,
        created_at=patient.created_at,
        updated_at=patient.updated_at,
        merged_from=merged_from,
    )
