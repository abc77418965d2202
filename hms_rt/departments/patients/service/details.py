"""Numbers of patients and whom to call about them."""

import uuid
from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.patients.model.contact import MAX_CONTACTS, Contact
from hms_rt.departments.patients.model.identifier import Identifier, check_identifier
from hms_rt.departments.patients.model.patient import Patient
from hms_rt.departments.patients.repository import contacts, identifiers, patients
from hms_rt.departments.patients.schemas.details import (
    ContactChange,
    ContactIn,
    ContactList,
    ContactOut,
    IdentifierError,
    IdentifierIn,
    IdentifierList,
    IdentifierOut,
)
from hms_rt.departments.patients.schemas.record import BreakGlass
from hms_rt.departments.patients.service.foundation import Foundation, acting, closed, found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Details(Foundation):
    """What reception asks for beyond the name; as editable as demographics."""

    async def identifiers(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, glass: BreakGlass | None = None
    ) -> IdentifierList:
        """The numbers of a patient, wrong ones too; audited."""

        async def work(uow: UnitOfWork) -> IdentifierList:
            patient = await self._reachable(uow, principal, patient_id, glass, "patient.read_identifiers")
            known = await identifiers.of_patient(uow.connection, patient.id)
            return IdentifierList(items=[_identifier(one) for one in known])

        return await self._units.execute(principal, replace(command, key=None), IdentifierList, work)

    async def add_identifier(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, new: IdentifierIn
    ) -> IdentifierOut:
        """Record a number; raises ``conflict`` for one that its issuer gave to another patient."""

        async def work(uow: UnitOfWork) -> IdentifierOut:
            patient = await self._editable(uow, principal, patient_id)
            check_identifier(new.value, new.valid_from, new.valid_until)
            made = Identifier(
                id=uow.ids.new(),
                patient_id=patient.id,
                recorded_at=uow.now,
                recorded_by=principal.id,
                **dict(new),
            )
            try:
                await identifiers.add(uow.connection, made)
            except IntegrityError as error:
                if violated(error) == "patients_identifier_exclusive_key":
                    raise conflict("that number is recorded already: search by it, for a duplicate") from None
                raise
            _audit(uow, "patient.add_identifier", patient, made.id, type=made.type.value)
            return _identifier(made)

        return await self._units.execute(principal, command, IdentifierOut, work)

    async def retract_identifier(
        self,
        principal: Principal,
        command: Command,
        patient_id: uuid.UUID,
        identifier_id: uuid.UUID,
        why: IdentifierError,
    ) -> IdentifierOut:
        """Mark a number as entered in error; raises ``conflict`` for a second time."""

        async def work(uow: UnitOfWork) -> IdentifierOut:
            patient = await self._editable(uow, principal, patient_id)
            known = await identifiers.by_id(uow.connection, patient.id, identifier_id)
            if known is None:
                raise not_found("that identifier")
            if known.error_reason is not None:
                raise conflict("that identifier is marked as entered in error already")
            await identifiers.mark_wrong(uow.connection, identifier_id, why.reason)
            _audit(uow, "patient.retract_identifier", patient, identifier_id, type=known.type.value)
            return _identifier(replace(known, error_reason=why.reason))

        return await self._units.execute(principal, command, IdentifierOut, work)

    async def contacts(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, glass: BreakGlass | None = None
    ) -> ContactList:
        """Whom to call, former ones too; audited."""

        async def work(uow: UnitOfWork) -> ContactList:
            patient = await self._reachable(uow, principal, patient_id, glass, "patient.read_contacts")
            known = await contacts.of_patient(uow.connection, patient.id)
            return ContactList(items=[_contact(one) for one in known])

        return await self._units.execute(principal, replace(command, key=None), ContactList, work)

    async def add_contact(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, new: ContactIn
    ) -> ContactOut:
        """Record somebody to call; raises ``conflict`` beyond fifty."""

        async def work(uow: UnitOfWork) -> ContactOut:
            patient = await self._editable(uow, principal, patient_id)
            if len(await contacts.of_patient(uow.connection, patient.id)) >= MAX_CONTACTS:
                raise conflict(f"a patient has at most {MAX_CONTACTS} contacts: change one that is there")
            said = {**dict(new), "phone": new.phone or ""}
            made = Contact(
                id=uow.ids.new(),
                patient_id=patient.id,
                active=True,
                version=1,
                updated_at=uow.now,
                **said,
            )
            await contacts.add(uow.connection, made)
            _audit(uow, "patient.add_contact", patient, made.id, kind=made.kind.value)
            return _contact(made)

        return await self._units.execute(principal, command, ContactOut, work)

    async def change_contact(
        self,
        principal: Principal,
        command: Command,
        patient_id: uuid.UUID,
        contact_id: uuid.UUID,
        change: ContactChange,
    ) -> ContactOut:
        """Correct a contact, or retire it; requires the version that was read."""

        async def work(uow: UnitOfWork) -> ContactOut:
            patient = await self._editable(uow, principal, patient_id)
            known = await contacts.by_id(uow.connection, patient.id, contact_id)
            if known is None:
                raise not_found("that contact")
            command.require_version(known.version)
            said = {name: getattr(change, name) for name in change.model_fields_set}
            said = {name: value for name, value in said.items() if value is not None or name == "phone"}
            if said.get("phone", "") is None:
                said["phone"] = ""
            changed = replace(known, **said, version=known.version + 1, updated_at=uow.now)
            await contacts.save(uow.connection, changed)
            _audit(uow, "patient.change_contact", patient, contact_id, fields=sorted(said))
            return _contact(changed)

        return await self._units.execute(principal, command, ContactOut, work)

    async def _reachable(
        self,
        uow: UnitOfWork,
        principal: Principal,
        patient_id: uuid.UUID,
        glass: BreakGlass | None,
        action: str,
    ) -> Patient:
        """The patient whose contact data the caller may see; audited."""
        require(principal, Permission.PATIENT_READ)
        asked = found(await patients.by_id(uow.connection, patient_id))
        patient = await patients.survivor(uow.connection, asked)
        allowed = await self._allowed(uow.connection, principal, Permission.PATIENT_READ, patient)
        if not allowed and not self._opened(uow, principal, patient, glass):
            raise closed(patient)
        uow.audit(action, entity="patient", entity_id=patient.id, patient_id=patient.id)
        return patient

    async def _editable(self, uow: UnitOfWork, principal: Principal, patient_id: uuid.UUID) -> Patient:
        """The locked patient whose demographics the caller may correct."""
        require(principal, Permission.PATIENT_UPDATE)
        patient = acting(await patients.lock(uow.connection, patient_id))
        await self._require(uow, principal, Permission.PATIENT_UPDATE, patient)
        return patient


def _audit(uow: UnitOfWork, action: str, patient: Patient, what: uuid.UUID, **detail: object) -> None:
    uow.audit(action, entity="patient_detail", entity_id=what, patient_id=patient.id, detail=detail)


def _identifier(one: Identifier) -> IdentifierOut:
    return IdentifierOut(
        id=one.id,
        patient_id=one.patient_id,
        type=one.type,
        issuer=one.issuer,
        value=one.value,
        valid_from=one.valid_from,
        valid_until=one.valid_until,
        recorded_at=one.recorded_at,
        recorded_by=one.recorded_by,
        error_reason=one.error_reason,
    )


def _contact(one: Contact) -> ContactOut:
    return ContactOut(
        id=one.id,
        patient_id=one.patient_id,
        kind=one.kind,
        name=one.name,
        relationship=one.relationship,
        phone=one.phone,
        address=one.address,
        note=one.note,
        active=one.active,
        version=one.version,
        updated_at=one.updated_at,
    )
