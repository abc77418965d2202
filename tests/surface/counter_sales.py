"""Requests about what a dispensary sells at its own counter, with what it needs made ready."""

from typing import Any

from hms_rt.departments.billing.schemas.tariffs import PriceIn, ServiceIn
from hms_rt.departments.pharmacy.schemas.formulary import MedicineIn
from hms_rt.departments.pharmacy.schemas.prescriptions import Activation, PrescriptionIn
from hms_rt.departments.pharmacy.schemas.sales import GiveBackIn, SaleIn, SaleOut, TillIn
from hms_rt.departments.pharmacy.schemas.stock import DispenseIn, DispenseOut, ReceiptIn, ReturnIn
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.pharmacy.shop import IBU
from tests.surface.money import open_till
from tests.surface.recipes import REASON, Ask, Recipe, at, plain
from tests.surface.things import CLINIC, COUNTERS, DISPENSARY, LINE
from tests.surface.world import World

TILL = COUNTERS[0]
BACK = {"reason": "too many", "disposition": "restock"}


async def _priced(world: World, code: str) -> None:
    """1.00, for this medicine alone."""
    service = {"code": code, "name": code, "kind": "medicine", "source": code}
    await world.services.billing.define_service(SYSTEM, command(), ServiceIn.model_validate(service))
    price = {"service": code, "valid_from": "2000-01-01", "unit_price": "1.00"}
    await world.services.billing.set_price(SYSTEM, command(), PriceIn.model_validate(price))


async def _medicine(world: World) -> str:
    """One of its own that anybody may buy: no prescription of another command is a duplicate of it."""
    code = world.fresh("OTC")
    new = MedicineIn.model_validate({**IBU, "code": code, "generic": f"Substance {code}"})
    await world.services.pharmacy.define_medicine(SYSTEM, command(), new)
    await _priced(world, code)
    goods = {"medicine": code, "lot": world.fresh("L"), "expires_on": "2099-01-31", "quantity": "100"}
    await world.services.pharmacy.receive(SYSTEM, command(), DISPENSARY, ReceiptIn.model_validate(goods))
    return code


async def _counter(world: World) -> str:
    """The dispensary's own, with an open shift: the server's, so that an administrator stands in."""
    await world.services.pharmacy.set_till(SYSTEM, command(), TILL, TillIn(store=DISPENSARY))
    await open_till(world)
    return TILL


async def _wanted(world: World) -> dict[str, Any]:
    counter, code = await _counter(world), await _medicine(world)
    items = [{"medicine": code, "quantity": "3", "directions": "One a day"}]
    return {"patient_id": str((await world.patient()).id), "counter": counter, "items": items}


async def _sell(world: World) -> Ask:
    return Ask(body={**await _wanted(world), "payments": [{"means": "cash", "amount": "3.00"}]})


async def _quote(world: World) -> Ask:
    return Ask(body=await _wanted(world))


async def sale(world: World) -> SaleOut:
    """Of 3.00, in cash."""
    wanted = SaleIn.model_validate((await _sell(world)).body)
    return await world.services.pharmacy.sell(SYSTEM, command(), wanted)


async def _came_back(world: World) -> SaleOut:
    """A third of it."""
    made = await sale(world)
    told = {**BACK, "items": [{"item_id": str(made.items[0].id), "quantity": "1"}]}
    return await world.services.pharmacy.return_sale(
        SYSTEM, command(), made.id, ReturnIn.model_validate(told)
    )


async def _given_back(world: World) -> SaleOut:
    """Another person has not decided."""
    made = await _came_back(world)
    told = GiveBackIn(counter=TILL, reason="too many")
    return await world.services.pharmacy.give_back(SYSTEM, command(), made.id, told)


async def _for_an_outpatient(world: World) -> DispenseOut:
    """Prepared, of something that has a price and is prescribed in the clinic."""
    await _counter(world)
    code = await _medicine(world)
    line = {**LINE, "medicine": code, "dose": "400"}
    wanted = {"patient_id": str((await world.patient()).id), "clinic": CLINIC, "lines": [line]}
    pharmacy = world.services.pharmacy
    draft = await pharmacy.prescribe(SYSTEM, command(), PrescriptionIn.model_validate(wanted))
    await pharmacy.activate(SYSTEM, command(), draft.id, Activation())
    some = {"lines": [{"line_id": str(draft.lines[0].id), "quantity": "2"}], "store": DISPENSARY}
    return await pharmacy.prepare(SYSTEM, command(), draft.id, DispenseIn.model_validate(some))


def _paper(name: str, field: str, thing: Any) -> Recipe:
    async def recipe(world: World) -> Ask:
        made: SaleOut = await thing(world)
        return Ask({"id": str(made.id), name: str(getattr(made.money, field)[0].id)})

    return recipe


async def _set_till(world: World) -> Ask:
    return Ask({"code": TILL}, body={"store": DISPENSARY})


RECIPES: dict[str, Recipe] = {
    "GET /pharmacy/tills": plain(),
    "PUT /pharmacy/tills/{code}": _set_till,
    "POST /pharmacy/quotes": _quote,
    "POST /pharmacy/sales": _sell,
    "GET /pharmacy/sales": plain(),
    "GET /pharmacy/sales/{id}": at(sale),
    "POST /dispenses/{id}/sell": at(_for_an_outpatient, {"counter": TILL, "payments": [{"means": "card"}]}),
    "POST /pharmacy/sales/{id}/return": at(sale, BACK),
    "POST /pharmacy/sales/{id}/give-back": at(_came_back, {"counter": TILL, **REASON}),
    "GET /pharmacy/sales/{id}/labels": at(sale),
    "GET /pharmacy/sales/{id}/invoices/{invoice}/pdf": _paper("invoice", "invoices", sale),
    "GET /pharmacy/sales/{id}/payments/{payment}/receipt": _paper("payment", "payments", sale),
    "GET /pharmacy/sales/{id}/refunds/{refund}/pdf": _paper("refund", "refunds", _given_back),
}
"""Endpoint -> a request that somebody with every role at every place may make with success."""
