"""Registering and correcting patients. Every access is accounted for."""

import uuid
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.patients.events import PatientRegistered, PatientRenamed
from hms_rt.departments.patients.model.patient import (
    Patient,
    check_birth_date,
    placeholder_name,
)
from hms_rt.departments.patients.reading import shown_as
from hms_rt.departments.patients.repository import match_keys, patients
from hms_rt.departments.patients.schemas import (
    PatientNew,
    PatientOut,
    PatientUpdate,
    Shown,
)
from hms_rt.departments.patients.service.foundation import acting
from hms_rt.departments.patients.service.matching import Matching
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class Registration(Matching):
    """Who the patients are, and that nobody is registered twice unless somebody says why."""

    async def register(self, principal: Principal, command: Command, new: PatientNew) -> PatientOut:
        """Register a patient, by name or unidentified; records ``PatientRegistered``.

        The database issues the MRN unless one is given; ``conflict`` if that one is taken. Raises
        ``possible_duplicate`` where the patient may be registered already and nobody said why not.
        """

        async def work(uow: UnitOfWork) -> PatientOut:
            require(principal, Permission.PATIENT_REGISTER)
            check_birth_date(new.birth_date, uow.now)
            if new.mrn is not None and await patients.by_mrn(uow.connection, new.mrn):
                raise conflict("a patient with this MRN is registered already")
            others = [] if new.unidentified else await self._refuse_duplicate(uow, new)
            try:
                patient = await patients.add(uow.connection, fresh(uow, new))
            except IntegrityError as error:
                if violated(error) == "patients_patient_mrn_key":
                    raise conflict("a patient with this MRN is registered already") from None
                raise
            await match_keys.add(uow.connection, [patient])
            detail: dict[str, Any] = {"unidentified": new.unidentified, "mrn_given": new.mrn is not None}
            if others:
                detail |= {"none_of": others, "reason": new.confirm_new}
            uow.audit(
                "patient.register",
                entity="patient",
                entity_id=patient.id,
                patient_id=patient.id,
                detail=detail,
            )
            uow.record(PatientRegistered(patient.id))
            return shown_as(patient, Shown.ALL)

        return await self._units.execute(principal, command, PatientOut, work)

    async def update(
        self, principal: Principal, command: Command, patient_id: uuid.UUID, change: PatientUpdate
    ) -> PatientOut:
        """Correct demographics, or identify somebody; requires the version that was read.

        Records ``PatientRenamed`` when name, sex or birth date change. Raises ``stale_version``.
        """

        async def work(uow: UnitOfWork) -> PatientOut:
            require(principal, Permission.PATIENT_UPDATE)
            patient = acting(await patients.lock(uow.connection, patient_id))
            await self._require(uow, principal, Permission.PATIENT_UPDATE, patient)
            command.require_version(patient.version)
            check_birth_date(change.birth_date, uow.now)
            changed = _changed(patient, change)
            if changed == patient:
                return shown_as(patient, Shown.ALL)
            changed = changed.following(uow.now)
            await patients.save(uow.connection, changed)
            await match_keys.renew(uow.connection, changed)
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
            return shown_as(changed, Shown.ALL)

        return await self._units.execute(principal, command, PatientOut, work)


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
