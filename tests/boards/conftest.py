"""A ward with patients, as its night nurse finds it."""

from collections.abc import Awaitable, Callable

import pytest

from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.ipd.schemas import AdmissionIn, BedChoice, DischargeOrderIn, Timed
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.schemas.catalogue import CatalogueIn
from hms_rt.departments.lab.schemas.ordering import LabOrderIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.departments.patients.schemas.allergies import AllergyIn
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command

FillWard = Callable[[int, int], Awaitable[Principal]]


@pytest.fixture
def fill(services: Services, ward: WardFactory, person: PersonFactory) -> FillWard:
    """``await fill(beds, patients)``: ward ICU; answers the doctor who asked for every admission.

    The first patient is isolated, allergic to penicillin, has an open order and may leave.
    """

    async def make(beds: int, patients: int) -> Principal:
        made = await ward("ICU", beds=beds)
        doctor = await person(Role.DOCTOR, ward="ICU")
        for number in range(patients):
            new = PatientNew(
                family_name=f"Okonkwo-Lindqvist{number}",
                given_name="Ada",
                birth_date="1957-03-09",
                sex="female",
                confirm_new="siblings of a test" if number else None,
            )
            patient = await services.patients.register(SYSTEM, command(), new)
            wanted = AdmissionIn(patient_id=patient.id, ward="ICU", reason="sepsis")
            asked = await services.ipd.request(doctor, command(), wanted)
            await services.ipd.accept(SYSTEM, command(), asked.id, Timed())
            here = await services.ipd.assign(SYSTEM, command(), asked.id, BedChoice(bed_id=made[number].id))
            if number == 0:
                await services.beds.change(SYSTEM, command(), made[0].id, BedChange(isolation=True))
                allergy = AllergyIn.model_validate({"substance": "Penicillin", "severity": "severe"})
                await services.patients.add_allergy(SYSTEM, command(), patient.id, allergy)
                entry = CatalogueIn(
                    code="LAC", name="Lactate", specimen_kind=SpecimenKind.BLOOD, unit="1", decimals=1
                )
                await services.lab.define_test(SYSTEM, command(), entry)
                order = LabOrderIn(patient_id=patient.id, tests=["LAC"], ward="ICU")
                await services.lab.order(SYSTEM, command(), order)
                await services.ipd.order_discharge(SYSTEM, command(), here.id, DischargeOrderIn())
        return doctor

    return make
