"""A pharmacy with its people, its formulary and patients."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.ipd.schemas import AdmissionIn, AdmissionOut, BedChoice, Timed
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.departments.pharmacy.schemas.formulary import MedicineIn, StoreIn
from hms_rt.departments.pharmacy.schemas.prescriptions import (
    Activation,
    PrescriptionIn,
    PrescriptionOut,
)
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command

Query = Callable[..., Awaitable[list[Any]]]

FORMULARY: tuple[dict[str, Any], ...] = (
    {
        "code": "AMOX500",
        "generic": "Amoxicillin",
        "form": "capsule",
        "strength": "500",
        "strength_unit": "mg",
        "per": "1",
        "dispense_unit": "capsule",
        "atc": "J01CA04",
        "dose_min": "250",
        "dose_max": "1000",
        "daily_max": "3000",
    },
    {
        "code": "PARA-SYR",
        "generic": "Paracetamol",
        "form": "suspension",
        "strength": "120",
        "strength_unit": "mg",
        "per": "5",
        "dispense_unit": "mL",
        "atc": "N02BE01",
    },
    {
        "code": "MORPH10",
        "generic": "Morphine",
        "form": "injection",
        "strength": "10",
        "strength_unit": "mg",
        "per": "1",
        "dispense_unit": "ampoule",
        "atc": "N02AA01",
        "controlled": True,
    },
)

EIGHT_HOURLY = {"kind": "times_per_day", "per_day": 3}


def line(medicine: str = "AMOX500", dose: str = "500", **rest: Any) -> dict[str, Any]:
    """A line to prescribe, three times a day for five days unless told otherwise."""
    usual = {"route": "oral", "frequency": EIGHT_HOURLY, "duration_days": 5}
    return {"medicine": medicine, "dose": dose, **usual, **rest}


async def refused(code: Code, doing: Awaitable[object]) -> HmsError:
    with pytest.raises(HmsError) as raised:
        await doing
    assert raised.value.code is code, raised.value
    return raised.value


@dataclass
class Pharmacy:
    """The people, and shortcuts along the way of a prescription."""

    services: Services
    doctor: Principal
    nurse: Principal
    pharmacist: Principal

    async def patient(self, name: str = "Curie") -> uuid.UUID:
        return (await self.services.patients.register(SYSTEM, command(), PatientNew(family_name=name))).id

    async def inpatient(self, bed: uuid.UUID, patient_id: uuid.UUID | None = None) -> AdmissionOut:
        """Somebody in ``bed``, of ward ICU."""
        ipd = self.services.ipd
        patient_id = patient_id or await self.patient()
        new = AdmissionIn(patient_id=patient_id, ward="ICU", reason="sepsis")
        asked = await ipd.request(SYSTEM, command(), new)
        await ipd.accept(SYSTEM, command(), asked.id, Timed())
        return await ipd.assign(SYSTEM, command(), asked.id, BedChoice(bed_id=bed))

    async def draft(
        self, *lines: dict[str, Any], by: Principal | None = None, **context: Any
    ) -> PrescriptionOut:
        """For a new patient of clinic GEN, unless told otherwise."""
        if "patient_id" not in context:
            context["patient_id"] = await self.patient()
        if "admission_id" not in context:
            context.setdefault("clinic", "GEN")
        wanted = PrescriptionIn.model_validate({"lines": list(lines or (line(),)), **context})
        return await self.services.pharmacy.prescribe(by or self.doctor, command(), wanted)

    async def active(self, *lines: dict[str, Any], **context: Any) -> PrescriptionOut:
        draft = await self.draft(*lines, **context)
        return await self.services.pharmacy.activate(SYSTEM, command(), draft.id, Activation())


@pytest_asyncio.fixture
async def pharmacy(services: Services, person: PersonFactory, ward: WardFactory) -> Pharmacy:
    """A doctor of ICU and GEN, a nurse of ICU, a pharmacist; dispensary MAIN and the cupboard of ICU."""
    await ward("ICU", beds=2)
    await ward("MED", beds=1)
    await furnish(services)
    return Pharmacy(
        services,
        doctor=await person(Role.DOCTOR, ward="ICU", clinic="GEN"),
        nurse=await person(Role.NURSE, ward="ICU"),
        pharmacist=await person(Role.PHARMACY),
    )


async def furnish(services: Services) -> None:
    """The formulary, dispensary MAIN and the cupboard of ICU."""
    for entry in FORMULARY:
        await services.pharmacy.define_medicine(SYSTEM, command(), MedicineIn.model_validate(entry))
    for store in (
        {"code": "MAIN", "name": "Main dispensary", "kind": "dispensary"},
        {"code": "ICU-CUP", "name": "Cupboard of ICU", "kind": "ward", "ward": "ICU"},
    ):
        await services.pharmacy.define_store(SYSTEM, command(), StoreIn.model_validate(store))


@pytest.fixture
def query(hospital: Hospital) -> Query:
    """Rows of a statement, in a transaction of its own."""

    async def run(statement: str, **parameters: Any) -> list[Any]:
        async with hospital.engine.begin() as connection:
            found = await connection.execute(text(statement), parameters)
            return list(found.all()) if found.returns_rows else []

    return run
