"""A hospital with a tariff, people at the till, and patients."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.billing.schemas.charges import ChargeIn, ChargeOut, ChargeQuery
from hms_rt.departments.billing.schemas.tariffs import CoverageIn, PriceIn, PriceOut, ServiceIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, command

Query = Callable[..., Awaitable[list[Any]]]

SERVICES: tuple[dict[str, Any], ...] = (
    {"code": "CONS", "name": "Consultation", "kind": "consultation", "source": "*"},
    {"code": "TILL", "name": "Cashier", "kind": "consultation", "source": "TILL", "chargeable": False},
    {"code": "LAC", "name": "Lactate", "kind": "test", "source": "LAC"},
    {"code": "BED", "name": "Bed", "kind": "bed_day", "source": "*"},
    {"code": "BED-ICU", "name": "Bed in intensive care", "kind": "bed_day", "source": "ICU"},
    {"code": "DRESS", "name": "Dressing", "kind": "procedure"},
)
PRICES = {"CONS": "40.00", "LAC": "12.345", "BED": "100", "BED-ICU": "950.00"}


async def refused(code: Code, doing: Awaitable[object]) -> HmsError:
    with pytest.raises(HmsError) as raised:
        await doing
    assert raised.value.code is code, raised.value
    return raised.value


@dataclass
class Till:
    """The people, and shortcuts to what they do."""

    services: Services
    admin: Principal
    clerk: Principal

    async def patient(self, name: str = "Curie") -> uuid.UUID:
        return (await self.services.patients.register(SYSTEM, command(), PatientNew(family_name=name))).id

    async def price(self, service: str, unit_price: str, **rest: Any) -> PriceOut:
        """From the year 2000 on, unless told otherwise."""
        said = {"service": service, "unit_price": unit_price, "valid_from": "2000-01-01", **rest}
        return await self.services.billing.set_price(self.admin, command(), PriceIn.model_validate(said))

    async def cover(self, patient_id: uuid.UUID, **said: Any) -> None:
        wanted = CoverageIn.model_validate({"since": "2020-01-01", **said})
        await self.services.billing.cover(self.clerk, command(), patient_id, wanted)

    async def charge(self, patient_id: uuid.UUID, quantity: str = "1", **rest: Any) -> ChargeOut:
        """A dressing."""
        said = {"patient_id": patient_id, "service": "DRESS", "quantity": quantity, "reason": "told", **rest}
        return await self.services.billing.raise_charge(self.clerk, command(), ChargeIn.model_validate(said))

    async def charges(self, patient_id: uuid.UUID, **asked: Any) -> list[ChargeOut]:
        """What of a patient stands, unless told otherwise."""
        query = ChargeQuery(patient_id=patient_id, limit=200, **asked)
        found = (await self.services.billing.charges(self.clerk, command(), query)).items
        if asked:
            return found
        return [one for one in found if one.reverses is None and one.reversed_by is None]


async def furnish(services: Services) -> None:
    """The services, with prices for all but the dressing."""
    for each in SERVICES:
        await services.billing.define_service(SYSTEM, command(), ServiceIn.model_validate(each))
    for code, unit_price in PRICES.items():
        wanted = {"service": code, "unit_price": unit_price, "valid_from": "2000-01-01"}
        await services.billing.set_price(SYSTEM, command(), PriceIn.model_validate(wanted))


@pytest_asyncio.fixture
async def till(services: Services, person: PersonFactory) -> Till:
    await furnish(services)
    return Till(services, await person(Role.ADMIN), await person(Role.RECEPTION))


@pytest.fixture
def query(hospital: Hospital) -> Query:
    """Rows of a statement, in a transaction of its own."""

    async def run(statement: str, **parameters: Any) -> list[Any]:
        async with hospital.engine.begin() as connection:
            found = await connection.execute(text(statement), parameters)
            return list(found.all()) if found.returns_rows else []

    return run
