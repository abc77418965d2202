"""Registering a newborn, for the department where it was born, inside its transaction."""

import uuid
from datetime import date

from hms_rt.departments.patients.events import PatientRegistered
from hms_rt.departments.patients.model.patient import PatientBrief, Sex, check_birth_date
from hms_rt.departments.patients.repository import match_keys, patients
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.departments.patients.service.foundation import found
from hms_rt.departments.patients.service.registration import fresh
from hms_rt.storage.unit_of_work import UnitOfWork


async def register_newborn(
    uow: UnitOfWork,
    mother_id: uuid.UUID,
    *,
    born_on: date,
    sex: Sex,
    given_name: str,
    family_name: str | None = None,
) -> PatientBrief:
    """Register the child of a locked mother, under her family name unless told; the database issues the MRN.

    Audited; records ``PatientRegistered``. Raises ``invalid`` for a birth date in the future.
    """
    check_birth_date(born_on, uow.now)
    mother = found(await patients.by_id(uow.connection, mother_id))
    new = PatientNew(
        family_name=family_name or mother.family_name, given_name=given_name, sex=sex, birth_date=born_on
    )
    child = await patients.add(uow.connection, fresh(uow, new))
    await match_keys.add(uow.connection, [child])
    uow.audit(
        "patient.register",
        entity="patient",
        entity_id=child.id,
        patient_id=child.id,
        detail={"mother": str(mother_id)},
    )
    uow.record(PatientRegistered(child.id))
    return child.brief()
