"""The patients service with a care relation that tests decide."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.app import Hospital
from hms_rt.departments.patients.schemas import PatientNew, PatientOut
from hms_rt.departments.patients.service import PatientsService
from hms_rt.kernel.principal import SYSTEM, Principal
from tests.conftest import command
from tests.surface.world import World


@dataclass
class Wards:
    """Who treats whom."""

    pairs: set[tuple[uuid.UUID, uuid.UUID]] = field(default_factory=set)

    async def treats(self, connection: AsyncConnection, principal: Principal, patient_id: uuid.UUID) -> bool:
        return (principal.id, patient_id) in self.pairs

    def give(self, principal: Principal, patient: PatientOut) -> None:
        self.pairs.add((principal.id, patient.id))


@pytest.fixture
def wards() -> Wards:
    return Wards()


@pytest.fixture
def patients(hospital: Hospital, wards: Wards) -> PatientsService:
    return PatientsService(hospital.units, hospital.documents, wards)


Registered = Callable[..., Awaitable[PatientOut]]


@pytest.fixture
def registered(patients: PatientsService) -> Registered:
    """``await registered("Curie", "Marie", phone="…")``: a new patient."""

    async def make(family: str = "Curie", given: str | None = None, **fields: object) -> PatientOut:
        new = PatientNew.model_validate({"family_name": family, "given_name": given, **fields})
        return await patients.register(SYSTEM, command(), new)

    return make


@pytest_asyncio.fixture
async def world(hospital: Hospital, server: TestServer) -> AsyncIterator[World]:
    """The whole hospital, furnished, with its own care relations."""
    made = World(hospital, server)
    await made.furnish()
    yield made
    await made.close()


Trail = Callable[[], Awaitable[list[str]]]


@pytest.fixture
def trail(hospital: Hospital) -> Trail:
    """The actions about patients since the test began, in order."""

    async def read() -> list[str]:
        async with hospital.units.reading() as connection:
            rows = await connection.execute(
                text(
                    "SELECT action FROM audit_log WHERE outcome = 'allowed'"
                    " AND action ~ '^(patient|record)' ORDER BY id"
                )
            )
            return list(rows.scalars())

    return read
