"""Requests about tariffs, coverage and charges, with what they need made ready."""

from typing import Any

from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.schemas.charges import ChargeIn, ChargeOut
from hms_rt.departments.billing.schemas.tariffs import PriceIn, ServiceIn, ServiceOut
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.surface.recipes import REASON, TODAY, Ask, Recipe, at, plain
from tests.surface.world import World


async def service(world: World) -> ServiceOut:
    """A procedure without a price."""
    new = ServiceIn(code=world.fresh("S"), name="Dressing", kind=ServiceKind.PROCEDURE)
    return await world.services.billing.define_service(SYSTEM, command(), new)


async def unpriced(world: World, service_code: str | None = None) -> ChargeOut:
    """Something that waits for a price."""
    code = service_code or (await service(world)).code
    wanted = {"patient_id": (await world.patient()).id, "service": code, "quantity": "2"}
    return await world.services.billing.raise_charge(SYSTEM, command(), ChargeIn.model_validate(wanted))


async def priced(world: World) -> ChargeOut:
    """Something that costs 15.00 a piece."""
    code = (await service(world)).code
    await price(world, code)
    return await unpriced(world, code)


async def price(world: World, code: str) -> None:
    """15.00 for ever."""
    wanted = {"service": code, "valid_from": "2000-01-01", "unit_price": "15.00"}
    await world.services.billing.set_price(SYSTEM, command(), PriceIn.model_validate(wanted))


def _new(prefix: str, **body: Any) -> Recipe:
    async def recipe(world: World) -> Ask:
        return Ask(body={**body, "code": world.fresh(prefix)})

    return recipe


async def _change_service(world: World) -> Ask:
    made = await service(world)
    return Ask({"service": made.code}, body={"name": "Large dressing"}, version=made.version)


async def _set_price(world: World) -> Ask:
    code = (await service(world)).code
    return Ask(body={"service": code, "valid_from": TODAY, "unit_price": "0.0125"})


async def _cover(world: World) -> Ask:
    patient = await world.patient()
    return Ask({"id": str(patient.id)}, body={"since": TODAY, "policy": "P-1"})


async def _raise(world: World) -> Ask:
    code, patient = (await service(world)).code, await world.patient()
    return Ask(body={"patient_id": str(patient.id), "service": code, "quantity": "1"})


async def _price_charge(world: World) -> Ask:
    charge = await unpriced(world)
    await price(world, charge.service or "")
    return Ask({"id": str(charge.id)}, body={"service": charge.service})


async def _charges(world: World) -> Ask:
    return Ask(query={"patient_id": str((await priced(world)).patient_id)})


RECIPES: dict[str, Recipe] = {
    "GET /billing/currency": plain(),
    "POST /billing/currency": plain(body={"code": "EUR"}),
    "GET /billing/payers": plain(),
    "POST /billing/payers": _new("PAY", name="New insurer"),
    "GET /billing/classes": plain(),
    "POST /billing/classes": _new("CLS", name="New class"),
    "GET /billing/services": plain(),
    "POST /billing/services": _new("SV", name="New procedure", kind="procedure"),
    "PATCH /billing/services/{service}": _change_service,
    "GET /billing/prices": plain(),
    "POST /billing/prices": _set_price,
    "GET /patients/{id}/coverage": at(World.patient),
    "POST /patients/{id}/coverage": _cover,
    "GET /billing/charges": _charges,
    "POST /billing/charges": _raise,
    "POST /billing/charges/{id}/price": _price_charge,
    "POST /billing/charges/{id}/reverse": at(priced, REASON),
}
"""Endpoint -> a request that somebody with every role at every place may make with success."""
