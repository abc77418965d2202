"""What other departments ask about patients, inside their own transactions."""

import uuid
from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.allergy import Allergy
from hms_rt.departments.patients.model.patient import PatientBrief
from hms_rt.departments.patients.repository import allergies as allergy_rows
from hms_rt.departments.patients.repository import patients
from hms_rt.departments.patients.service.foundation import acting
from hms_rt.kernel.errors import conflict
from hms_rt.storage.unit_of_work import UnitOfWork


async def lock(uow: UnitOfWork, patient_id: uuid.UUID) -> PatientBrief:
    """Lock a patient (first in the order of locks) and say who it is.

    Until the commit nobody renames or merges the patient, nor locks them too. Raises ``not_found``, and
    ``conflict`` that names the survivor for a patient who was merged away.
    """
    return acting(await patients.lock(uow.connection, patient_id)).brief()


async def living(uow: UnitOfWork, patient_id: uuid.UUID) -> PatientBrief:
    """Lock a patient for whom something is planned; raises as :func:`lock`, and ``conflict`` for the dead."""
    patient = await lock(uow, patient_id)
    if patient.deceased:
        raise conflict(
            "the patient has died; if the record of the death is a mistake, it is revoked first"
            " (POST /patients/{id}/death/revoke)"
        )
    return patient


async def brief(
    asker: AsyncConnection | UnitOfWork, ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, PatientBrief]:
    """Who these patients are; unknown ids are left out. Does not lock and is not audited: the caller is."""
    connection = asker.connection if isinstance(asker, UnitOfWork) else asker
    return await patients.briefs(connection, ids)


async def allergies(asker: AsyncConnection | UnitOfWork, patient_id: uuid.UUID) -> list[Allergy]:
    """How a patient's allergies stand now; ``warns`` tells those that a prescriber must be told.

    Does not lock and is not audited: the caller is.
    """
    connection = asker.connection if isinstance(asker, UnitOfWork) else asker
    return [one for one in await allergy_rows.of_patient(connection, patient_id) if one.current]
