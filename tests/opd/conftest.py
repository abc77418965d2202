"""A clinic with two counters and its people, on a morning in Vienna."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.opd.model.token import TokenState
from hms_rt.departments.opd.schemas.queue import (
    CallIn,
    CategoryIn,
    ClinicIn,
    CounterIn,
    Late,
    NextIn,
    TokenIn,
    TokenOut,
)
from hms_rt.departments.opd.service import OpdService
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, command

if TYPE_CHECKING:
    from tests.opd.bookings import Bookings

MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""Nine o'clock in Vienna."""

NOW = Late()
Query = Callable[..., Awaitable[list[Any]]]
S = TokenState


async def refused(code: Code, doing: Awaitable[object]) -> HmsError:
    with pytest.raises(HmsError) as raised:
        await doing
    assert raised.value.code is code, raised.value
    return raised.value


@dataclass
class Opd:
    """The people, and shortcuts along the way of a token."""

    services: Services
    reception: Principal
    nurse: Principal

    @property
    def service(self) -> OpdService:
        return self.services.opd

    async def patient(self, name: str = "Curie") -> uuid.UUID:
        return (await self.services.patients.register(SYSTEM, command(), PatientNew(family_name=name))).id

    async def issue(self, clinic: str = "GEN", **body: Any) -> TokenOut:
        return await self.service.issue(self.reception, command(), clinic, TokenIn(**body))

    async def call_next(self, counter: str = "G1", clinic: str = "GEN", **body: Any) -> TokenOut:
        wanted = NextIn(counter=counter, **body)
        return await self.service.call_next(SYSTEM, command(), clinic, wanted)

    async def call(self, token: TokenOut, counter: str = "G1", **body: Any) -> TokenOut:
        return await self.service.call(SYSTEM, command(), token.id, CallIn(counter=counter, **body))

    async def until(self, state: TokenState, counter: str = "G1", **body: Any) -> TokenOut:
        """A new token, brought to ``called``, ``serving`` or ``done`` at a counter."""
        token = await self.call(await self.issue(**body), counter)
        if state is not S.CALLED:
            token = await self.service.serve(SYSTEM, command(), token.id, NOW)
        if state is S.DONE:
            token = await self.service.done(SYSTEM, command(), token.id, NOW)
        return token


@pytest.fixture
def clock() -> ManualClock:
    """Stands at :data:`MORNING` until a test moves it."""
    return ManualClock(MORNING)


@pytest_asyncio.fixture
async def opd(services: Services, person: PersonFactory) -> Opd:
    """Clinics GEN (counters G1, G2; letters A, B) and EYE (counter E1); a nurse at G1."""
    service = services.opd
    letters = (CategoryIn(letter="A", name="General"), CategoryIn(letter="B", name="Blood"))
    await service.define_clinic(SYSTEM, command(), ClinicIn(code="GEN", name="General", categories=letters))
    await service.define_clinic(SYSTEM, command(), ClinicIn(code="EYE", name="Eyes"))
    for clinic, code in (("GEN", "G1"), ("GEN", "G2"), ("EYE", "E1")):
        await service.define_counter(SYSTEM, command(), clinic, CounterIn(code=code, name=f"Room {code}"))
    return Opd(
        services,
        reception=await person(Role.RECEPTION),
        nurse=await person(Role.NURSE, clinic="GEN", counter="G1"),
    )


@pytest.fixture
def query(hospital: Hospital) -> Query:
    """Rows of a statement, in a transaction of its own."""

    async def run(statement: str, **parameters: Any) -> list[Any]:
        async with hospital.engine.begin() as connection:
            found = await connection.execute(text(statement), parameters)
            return list(found.all()) if found.returns_rows else []

    return run


@pytest_asyncio.fixture
async def bookings(opd: Opd, person: PersonFactory) -> "Bookings":
    """A doctor of clinic GEN, who has no schedule yet."""
    from tests.opd.bookings import Bookings

    return Bookings(opd, await person(Role.DOCTOR, clinic="GEN"))
