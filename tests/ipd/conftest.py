"""Patients on their way through the hospital."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.ipd.model import AdmissionState, Disposition
from hms_rt.departments.ipd.schemas import (
    AdmissionIn,
    AdmissionOut,
    BedChoice,
    DepartureIn,
    DischargeOrderIn,
    Timed,
)
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import command
from tests.ipd.medication import icu
from tests.pharmacy.conftest import pharmacy

__all__ = ["icu", "pharmacy"]

S = AdmissionState


class Journeys:
    """Brings patients to where a test needs them, as the server itself."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._ipd = services.ipd

    async def patient(self, name: str = "Doe") -> uuid.UUID:
        """A registered patient."""
        new = PatientNew(family_name=name)
        return (await self._services.patients.register(SYSTEM, command(), new)).id

    async def requested(self, ward: str = "ICU", patient_id: uuid.UUID | None = None) -> AdmissionOut:
        """An admission, asked for."""
        new = AdmissionIn(patient_id=patient_id or await self.patient(), ward=ward, reason="sepsis")
        return await self._ipd.request(SYSTEM, command(), new)

    async def accepted(self, ward: str = "ICU") -> AdmissionOut:
        """An admission whose patient waits for a bed."""
        return await self._ipd.accept(SYSTEM, command(), (await self.requested(ward)).id, Timed())

    async def admitted(
        self, bed_id: uuid.UUID, ward: str = "ICU", *, at: datetime | None = None
    ) -> AdmissionOut:
        """An admission whose patient is in a bed."""
        waiting = await self.accepted(ward)
        return await self._ipd.assign(SYSTEM, command(), waiting.id, BedChoice(bed_id=bed_id, occurred_at=at))

    async def ordered(self, bed_id: uuid.UUID, ward: str = "ICU") -> AdmissionOut:
        """An admission whose patient may go."""
        here = await self.admitted(bed_id, ward)
        return await self._ipd.order_discharge(SYSTEM, command(), here.id, DischargeOrderIn())

    async def discharged(self, bed_id: uuid.UUID, ward: str = "ICU") -> AdmissionOut:
        """An admission whose patient has gone home."""
        gone = DepartureIn(disposition=Disposition.HOME)
        return await self._ipd.depart(SYSTEM, command(), (await self.ordered(bed_id, ward)).id, gone)


@pytest.fixture
def journeys(services: Services) -> Journeys:
    return Journeys(services)


Query = Callable[..., Awaitable[list[Any]]]


@pytest.fixture
def query(hospital: Hospital) -> Query:
    """Rows of a statement, in a transaction of its own."""

    async def run(statement: str, **parameters: object) -> list[Any]:
        async with hospital.engine.begin() as connection:
            result = await connection.execute(text(statement), parameters)
            return list(result.all()) if result.returns_rows else []

    return run


async def refused(code: Code, doing: Awaitable[object]) -> HmsError:
    """The refusal of a command."""
    with pytest.raises(HmsError) as raised:
        await doing
    assert raised.value.code is code, raised.value
    return raised.value
