"""Patients of a hospital that moves in: many at a time, none twice."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.patients.events import PatientRegistered
from hms_rt.departments.patients.model.patient import Patient, Sex, check_birth_date, normalised
from hms_rt.departments.patients.repository import many, match_keys
from hms_rt.departments.patients.schemas import MovedIn, PatientNew
from hms_rt.departments.patients.service.foundation import Foundation
from hms_rt.departments.patients.service.registration import fresh
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import HmsError, conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

Identity = tuple[str, date | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A patient to register, beside those who are registered.

    ``mrn`` is that of the patient it is already (None: nobody yet), ``differs`` names the fields in which
    that one is other than told, ``problem`` says why the patient cannot be registered at all.
    """

    mrn: str | None = None
    differs: tuple[str, ...] = ()
    problem: str = ""


def identity_of(patient: PatientNew | Patient) -> Identity:
    """What tells people apart where they bring no number: name, as searches compare it, and birth date."""
    return normalised(f"{patient.family_name} {patient.given_name or ''}"), patient.birth_date


class MovingIn(Foundation):
    """Registers many patients at once; each is audited and recorded like any other."""

    async def compare(self, principal: Principal, new: Sequence[PatientNew]) -> list[Comparison]:
        """Which of ``new`` are registered already: by MRN, without one by name and birth date.

        Changes nothing, and answers no demographics: only the MRN and the names of fields.
        """
        require(principal, Permission.PATIENT_REGISTER)
        mrns = {each.mrn for each in new if each.mrn}
        names = {identity_of(each)[0] for each in new if not each.mrn}
        async with self._units.reading() as connection:
            known = await many.registered(connection, mrns, names)
        by_mrn = {patient.mrn: patient for patient in known}
        by_identity: defaultdict[Identity, list[Patient]] = defaultdict(list)
        for patient in known:
            by_identity[identity_of(patient)].append(patient)
        now = self._units.now()
        compared = []
        for each in new:
            if each.mrn:
                alike = [by_mrn[each.mrn]] if each.mrn in by_mrn else []
            else:
                alike = by_identity[identity_of(each)]
            compared.append(_compared(each, alike, now))
        return compared

    async def register_all(
        self, principal: Principal, command: Command, new: Sequence[PatientNew]
    ) -> MovedIn:
        """Register all of ``new`` or none; records ``PatientRegistered`` for each.

        Raises ``conflict`` when an MRN is taken, ``invalid`` for a birth date in the future.
        """

        async def work(uow: UnitOfWork) -> MovedIn:
            require(principal, Permission.PATIENT_REGISTER)
            for each in new:
                check_birth_date(each.birth_date, uow.now)
            patients = [fresh(uow, each) for each in new]
            try:
                mrns = await many.add_all(uow.connection, patients)
                await match_keys.add(uow.connection, patients)
            except IntegrityError as error:
                if violated(error) == "patients_patient_mrn_key":
                    raise conflict("a patient with this MRN is registered already") from None
                raise
            for patient in patients:
                uow.audit(
                    "patient.register",
                    entity="patient",
                    entity_id=patient.id,
                    patient_id=patient.id,
                    detail={"unidentified": patient.unidentified, "mrn_given": bool(patient.mrn)},
                )
                uow.record(PatientRegistered(patient.id))
            return MovedIn(mrns=[mrns[patient.id] for patient in patients])

        return await self._units.execute(principal, command, MovedIn, work)


def _compared(new: PatientNew, alike: Sequence[Patient], now: datetime) -> Comparison:
    """Whoever agrees in everything wins; what ``new`` does not say contradicts nothing."""
    try:
        check_birth_date(new.birth_date, now)
    except HmsError as error:
        return Comparison(problem=error.detail)
    found = [Comparison(patient.mrn, _differing(new, patient)) for patient in alike]
    return min(found, key=lambda each: len(each.differs), default=Comparison())


def _differing(new: PatientNew, patient: Patient) -> tuple[str, ...]:
    said = {
        "family_name": new.family_name,
        "given_name": new.given_name,
        "birth_date": new.birth_date,
        "sex": new.sex if new.sex is not Sex.UNKNOWN else None,
        "phone": new.phone,
    }
    return tuple(name for name, value in said.items() if value and value != getattr(patient, name))
