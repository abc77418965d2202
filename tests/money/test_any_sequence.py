"""Stock and money add up after any sequence of commands, whatever befalls the connections meanwhile.

Even seeds have the pharmacy's own sale among them.
``MONEY_SEEDS=100:200 python -m pytest -s tests/money/test_any_sequence.py`` walks other ways than the suite,
``MONEY_STEPS=3,17,20`` only these steps of them; ``python -m tests.money.shrink 117`` finds the fewest steps
that fail.
"""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hms_rt.app import Hospital
from hms_rt.departments.billing.schemas.accounts import CashierIn
from hms_rt.departments.billing.schemas.discounts import LimitIn
from hms_rt.departments.billing.schemas.packages import PackageIn
from hms_rt.departments.billing.schemas.tariffs import CodeIn, PriceIn, ServiceIn
from hms_rt.departments.pharmacy.schemas.formulary import StoreIn
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command
from tests.money.later_rules import AllCommands
from tests.money.machine import Ground
from tests.money.money_rules import COUNTER
from tests.money.payer_rules import SINCE
from tests.money.sale_rules import TILL, SaleCommands
from tests.money.stock_rules import QUARANTINE
from tests.money.trouble import Client, Trouble
from tests.money.wire import Wire
from tests.pharmacy.conftest import furnish

IN_THE_SUITE = "1:2"
"""Seeds, from the first to before the last."""
STEPS = 60
SERVICES: tuple[dict[str, Any], ...] = (
    {"code": "DRESS", "name": "Dressing", "kind": "procedure"},
    {"code": "SUTURE", "name": "Suture", "kind": "procedure"},
    {"code": "AMOX", "name": "Amoxicillin", "kind": "medicine", "source": "AMOX500"},
    {"code": "BED", "name": "Bed", "kind": "bed_day", "source": "*"},
    {"code": "CARE", "name": "Wound care", "kind": "package"},
)
PRICES: tuple[dict[str, Any], ...] = (
    {"service": "DRESS", "unit_price": "10.005", "tax_rate": "20"},
    {"service": "DRESS", "unit_price": "8.333333", "payer": "AOK", "payer_share": "33.333"},
    {"service": "DRESS", "unit_price": "9.995", "payer": "HEK", "payer_share": "80"},
    {"service": "AMOX", "unit_price": "0.0125", "tax_rate": "10"},
    {"service": "BED", "unit_price": "99.995", "tax_rate": "5"},
    {"service": "CARE", "unit_price": "20", "payer_share": "12.5"},
)
CARE = {
    "package": "CARE",
    "items": [{"service": "DRESS", "quantity": "4"}, {"service": "AMOX", "quantity": "10"}],
}
DONE = {
    *("pharmacy.receive", "pharmacy.prescribe", "pharmacy.activate", "pharmacy.transfer"),
    *("billing.raise_charge", "billing.open_cashier_shift"),
}
"""What every sequence does."""


def seeds() -> Sequence[int]:
    """From the first to before the last; one alone, if one is told."""
    first, colon, last = os.environ.get("MONEY_SEEDS", IN_THE_SUITE).partition(":")
    return range(int(first), int(last) if colon else int(first) + 1)


def steps() -> Sequence[int]:
    """Which steps of each."""
    told = os.environ.get("MONEY_STEPS")
    return [int(one) for one in told.split(",")] if told else range(STEPS)


async def furnished(services: Services, ward: WardFactory) -> None:
    """A formulary, two stores, one counter, and prices with more places than a cent."""
    await ward("ICU", 1)
    await furnish(services)
    kept_apart = {"code": QUARANTINE, "name": "Quarantine", "kind": "quarantine"}
    await services.pharmacy.define_store(SYSTEM, command(), StoreIn.model_validate(kept_apart))
    billing = services.billing
    for payer in SINCE:
        await billing.define_payer(SYSTEM, command(), CodeIn(code=payer, name="Insurer"))
    await billing.define_cashier(SYSTEM, command(), CashierIn(code=COUNTER, name="Counter 1"))
    for service in SERVICES:
        await billing.define_service(SYSTEM, command(), ServiceIn.model_validate(service))
    for price in PRICES:
        wanted = PriceIn.model_validate({"valid_from": "2000-01-01", **price})
        await billing.set_price(SYSTEM, command(), wanted)
    await billing.define_package(SYSTEM, command(), PackageIn.model_validate(CARE))
    limit = LimitIn.model_validate({"holder": "reception", "percent": "10"})
    await billing.set_discount_limit(SYSTEM, command(), limit)


@pytest.mark.parametrize("seed", seeds())
async def test_everything_adds_up_after_any_commands_with_any_trouble(
    hospital: Hospital,
    clock: ManualClock,
    person: PersonFactory,
    ward: WardFactory,
    wire: Wire,
    aside: AsyncEngine,
    seed: int,
) -> None:
    await furnished(hospital.services, ward)
    ground = Ground(
        hospital=hospital,
        clock=clock,
        client=Client(wire, aside),
        aside=aside,
        clerk=await person(Role.RECEPTION),
        admin=await person(Role.ADMIN),
        pharmacist=await person(Role.PHARMACY, counter=TILL),
        doctor=await person(Role.DOCTOR, ward="ICU", clinic="GEN"),
        nurse=await person(Role.NURSE, ward="ICU"),
    )
    async with aside.connect() as connection:
        await ground.books.read_definitions(connection)
    await (SaleCommands if seed % 2 == 0 else AllCommands)(ground, seed).walk(steps())
    print(f"{sum(ground.done.values())} done: {ground.done}\nrefused: {ground.refused}")
    print(f"befell them: {ground.client.seen}\nlost: {Counter(wire.lost)}")
    if len(steps()) >= STEPS:
        assert set(ground.done) >= DONE, DONE - set(ground.done)
        assert ground.client.seen.total() > ground.client.seen[Trouble.NONE], "nothing befell anybody"
