"""Stock and money add up after any sequence of commands, whatever befalls the connections meanwhile.

``MONEY_SEEDS=100:200 python -m pytest -s tests/money/test_any_sequence.py`` walks other ways than the suite.
"""

import os
from collections import Counter
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.departments.billing.schemas.accounts import CashierIn
from hms_rt.departments.billing.schemas.discounts import LimitIn
from hms_rt.departments.billing.schemas.tariffs import CodeIn, PriceIn, ServiceIn
from hms_rt.departments.pharmacy.schemas.formulary import StoreIn
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command
from tests.money.later_rules import AllCommands
from tests.money.machine import Ground
from tests.money.money_rules import COUNTER
from tests.money.stock_rules import QUARANTINE
from tests.money.trouble import Client
from tests.money.wire import Lost, Wire
from tests.pharmacy.conftest import furnish

IN_THE_SUITE = "1:4"
"""Seeds, from the first to before the last."""
STEPS = 80
SERVICES: tuple[dict[str, Any], ...] = (
    {"code": "DRESS", "name": "Dressing", "kind": "procedure"},
    {"code": "SUTURE", "name": "Suture", "kind": "procedure"},
    {"code": "AMOX", "name": "Amoxicillin", "kind": "medicine", "source": "AMOX500"},
)
PRICES: tuple[dict[str, Any], ...] = (
    {"service": "DRESS", "unit_price": "10.005", "tax_rate": "20"},
    {"service": "DRESS", "unit_price": "8.333333", "payer": "AOK", "payer_share": "33.333"},
    {"service": "AMOX", "unit_price": "0.0125", "tax_rate": "10"},
)
DONE = {
    *("receive", "prescribe", "activate", "prepare", "hand_over", "charge", "reverse"),
    *("draft", "issue", "pay"),
}
"""What the sequences of the suite do for certain, and often."""


async def furnished(services: Services, ward: WardFactory) -> None:
    """A formulary, two stores, one counter, and prices with more places than a cent."""
    await ward("ICU", 1)
    await furnish(services)
    kept_apart = {"code": QUARANTINE, "name": "Quarantine", "kind": "quarantine"}
    await services.pharmacy.define_store(SYSTEM, command(), StoreIn.model_validate(kept_apart))
    billing = services.billing
    await billing.define_payer(SYSTEM, command(), CodeIn(code="AOK", name="Insurer"))
    await billing.define_cashier(SYSTEM, command(), CashierIn(code=COUNTER, name="Counter 1"))
    for service in SERVICES:
        await billing.define_service(SYSTEM, command(), ServiceIn.model_validate(service))
    for price in PRICES:
        wanted = PriceIn.model_validate({"valid_from": "2000-01-01", **price})
        await billing.set_price(SYSTEM, command(), wanted)
    limit = LimitIn.model_validate({"holder": "reception", "percent": "10"})
    await billing.set_discount_limit(SYSTEM, command(), limit)


async def test_everything_adds_up_after_any_commands_with_any_trouble(
    services: Services, person: PersonFactory, ward: WardFactory, wire: Wire, aside: AsyncEngine
) -> None:
    await furnished(services, ward)
    ground = Ground(
        services=services,
        client=Client(wire, aside),
        aside=aside,
        clerk=await person(Role.RECEPTION),
        admin=await person(Role.ADMIN),
        pharmacist=await person(Role.PHARMACY),
        doctor=await person(Role.DOCTOR, ward="ICU", clinic="GEN"),
    )

    first, _, last = os.environ.get("MONEY_SEEDS", IN_THE_SUITE).partition(":")
    for seed in range(int(first), int(last)):
        await AllCommands(ground, seed).walk(STEPS)
    print(f"{sum(ground.done.values())} done: {ground.done}\nrefused: {ground.refused}")
    print(f"befell them: {ground.client.seen}\nlost: {Counter(wire.lost)}")
    assert set(ground.done) >= DONE, DONE - set(ground.done)
    assert {Code.UNAVAILABLE, Code.CONFLICT} <= set(ground.client.seen), "nobody had to ask again"
    assert set(wire.lost) == set(Lost)
