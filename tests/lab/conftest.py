"""A laboratory with its people, its catalogue and patients."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.schemas.alerts import AlertNote
from hms_rt.departments.lab.schemas.catalogue import CatalogueIn
from hms_rt.departments.lab.schemas.ordering import (
    LabOrderIn,
    LabOrderOut,
    LabTestOut,
    SpecimenIn,
    When,
)
from hms_rt.departments.lab.schemas.results import ReleaseIn, ResultIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, command

NOW = When()
SAID = AlertNote()
Query = Callable[..., Awaitable[list[Any]]]

CATALOGUE = (
    CatalogueIn(
        code="LAC",
        name="Lactate",
        specimen_kind=SpecimenKind.BLOOD,
        unit="mmol/L",
        decimals=1,
        reference_low="0.5",
        reference_high="2.0",
        critical_high="4.0",
    ),
    CatalogueIn(
        code="CRP",
        name="C-reactive protein",
        specimen_kind=SpecimenKind.BLOOD,
        unit="mg/L",
        decimals=0,
        reference_high="5",
    ),
    CatalogueIn(code="CULT", name="Culture", specimen_kind=SpecimenKind.URINE),
)


async def refused(code: Code, doing: Awaitable[object]) -> HmsError:
    with pytest.raises(HmsError) as raised:
        await doing
    assert raised.value.code is code, raised.value
    return raised.value


@dataclass
class Lab:
    """The people, and shortcuts along the way of a test."""

    services: Services
    doctor: Principal
    nurse: Principal
    anne: Principal
    otto: Principal

    async def patient(self, name: str = "Curie") -> uuid.UUID:
        return (await self.services.patients.register(SYSTEM, command(), PatientNew(family_name=name))).id

    async def order(
        self, *codes: str, patient_id: uuid.UUID | None = None, by: Principal | None = None, **place: str
    ) -> LabOrderOut:
        wanted = LabOrderIn(
            patient_id=patient_id or await self.patient(),
            tests=list(codes or ("LAC",)),
            ward=None if "clinic" in place else place.get("ward", "ICU"),
            clinic=place.get("clinic"),
        )
        return await self.services.lab.order(by or self.doctor, command(), wanted)

    async def received(self, order: LabOrderOut, kind: SpecimenKind = SpecimenKind.BLOOD) -> uuid.UUID:
        """Collects and receives one specimen for all tests of the kind; answers its id."""
        lab = self.services.lab
        taken = await lab.collect(self.anne, command(), order.id, SpecimenIn(kind=kind))
        await lab.receive(self.anne, command(), taken.id, NOW)
        return taken.id

    async def enter(self, test_id: uuid.UUID, value: str = "1.2") -> LabTestOut:
        return await self.services.lab.enter_result(self.anne, command(), test_id, ResultIn(value=value))

    async def until(
        self, state: LabState, value: str = "1.2", order: LabOrderOut | None = None
    ) -> LabTestOut:
        """The first test of an order, brought to ``resulted``, ``verified`` or ``released``."""
        order = order or await self.order()
        await self.received(order)
        test = await self.enter(order.tests[0].id, value)
        if state is not LabState.RESULTED:
            test = await self.services.lab.verify(self.otto, command(), test.id, NOW)
        if state is LabState.RELEASED:
            test = await self.services.lab.release(self.otto, command(), test.id, ReleaseIn())
        return test


@pytest_asyncio.fixture
async def lab(services: Services, person: PersonFactory) -> Lab:
    """A doctor and a nurse of ICU, two people in the laboratory, and tests to order."""
    for entry in CATALOGUE:
        await services.lab.define_test(SYSTEM, command(), entry)
    return Lab(
        services,
        doctor=await person(Role.DOCTOR, ward="ICU"),
        nurse=await person(Role.NURSE, ward="ICU"),
        anne=await person(Role.LAB),
        otto=await person(Role.LAB),
    )


@pytest.fixture
def query(hospital: Hospital) -> Query:
    """Rows of a statement, in a transaction of its own."""

    async def run(statement: str, **parameters: Any) -> list[Any]:
        async with hospital.engine.begin() as connection:
            found = await connection.execute(text(statement), parameters)
            return list(found.all()) if found.returns_rows else []

    return run
