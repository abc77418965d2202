"""Lines of the trail to read, seal and tamper with."""

import uuid
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.audit.service import AuditService
from hms_rt.kernel.principal import SYSTEM, Principal
from hms_rt.storage.unit_of_work import UnitOfWork
from tests.conftest import command

Write = Callable[..., Awaitable[None]]
Tamper = Callable[[str], Awaitable[None]]


@pytest.fixture
def audit(hospital: Hospital) -> AuditService:
    return hospital.services.audit


@pytest.fixture
def write(hospital: Hospital) -> Write:
    """``await write(3)``: three lines in a transaction of their own."""

    async def lines(
        count: int = 1,
        action: str = "test.done",
        patient_id: uuid.UUID | None = None,
        principal: Principal = SYSTEM,
    ) -> None:
        async def work(uow: UnitOfWork) -> None:
            for number in range(count):
                uow.audit(action, entity="test", entity_id=str(number), patient_id=patient_id)

        await hospital.units.execute(principal, command(), type(None), work)

    return lines


@pytest.fixture
def tamper(hospital: Hospital) -> Tamper:
    """Run SQL as somebody who owns the server and switched the triggers off."""

    async def run(statement: str) -> None:
        async with hospital.engine.begin() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            assert (await connection.execute(text(statement))).rowcount > 0

    return run
