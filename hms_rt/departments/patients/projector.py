"""Deaths: recorded by a doctor, or by the departure that says so, and revoked."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from hms_rt.departments.ipd.events import DeathRevoked as DepartureRevoked
from hms_rt.departments.ipd.events import PatientDied as DiedInHospital
from hms_rt.departments.patients.events import DeathRevoked, PatientDied
from hms_rt.departments.patients.model.patient import Death, Patient
from hms_rt.departments.patients.repository import patients
from hms_rt.kernel.changes import Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork


async def die(uow: UnitOfWork, patient: Patient, at: datetime) -> Patient:
    """Record the death of a locked patient; records ``PatientDied``. Raises ``illegal_move``."""
    dead = patient.die(Death(at, uow.now, uow.principal.id)).following(uow.now)
    await patients.save(uow.connection, dead)
    _audit(uow, "patient.record_death", dead)
    uow.record(PatientDied(dead.brief(), at))
    return dead


async def revive(uow: UnitOfWork, patient: Patient, reason: str | None = None) -> Patient:
    """Revoke the death of a locked patient; records ``DeathRevoked``. Raises ``illegal_move``."""
    alive = patient.revoke_death().following(uow.now)
    await patients.save(uow.connection, alive)
    _audit(uow, "patient.revoke_death", alive, **({"reason": reason} if reason is not None else {}))
    uow.record(DeathRevoked(alive.brief()))
    return alive


async def mark_deceased(uow: UnitOfWork, patient_id: uuid.UUID, at: datetime) -> None:
    """Record a death inside another department's transaction; nothing happens if it is recorded already."""
    patient = await patients.lock(uow.connection, patient_id)
    if patient is not None and patient.death is None:
        await die(uow, patient, at)


async def died_in_hospital(uow: UnitOfWork, event: DiedInHospital) -> None:
    """A departure says that the patient died; the patient is locked."""
    await mark_deceased(uow, event.patient_id, event.at)


async def departure_revoked(uow: UnitOfWork, event: DepartureRevoked) -> None:
    """The departure was a mistake, and so was the death that it told; the patient is locked.

    A death that a doctor had recorded before stands: only the departure never was.
    """
    patient = await patients.lock(uow.connection, event.patient_id)
    if patient is not None and patient.death is not None and patient.death.at == event.at:
        await revive(uow, patient)


def _audit(uow: UnitOfWork, action: str, patient: Patient, **detail: str) -> None:
    uow.audit(action, entity="patient", entity_id=patient.id, patient_id=patient.id, detail=detail)


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    DiedInHospital: (died_in_hospital,),
    DepartureRevoked: (departure_revoked,),
}
