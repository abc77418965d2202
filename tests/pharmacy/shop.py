"""A dispensary with counters of its own, and a pharmacist who sells there."""

import uuid
from dataclasses import dataclass
from typing import Any

from hms_rt.departments.billing.schemas.accounts import CashierIn, ShiftIn, ShiftOut
from hms_rt.departments.billing.schemas.tariffs import PriceIn, ServiceIn
from hms_rt.departments.pharmacy.schemas.formulary import MedicineIn
from hms_rt.departments.pharmacy.schemas.sales import SaleIn, SaleOut, SellDispense, TillIn
from hms_rt.kernel.principal import SYSTEM, Principal
from hms_rt.services import Services
from tests.conftest import command
from tests.pharmacy.conftest import Pharmacy

IBU: dict[str, Any] = {
    "code": "IBU400",
    "generic": "Ibuprofen",
    "form": "tablet",
    "strength": "400",
    "strength_unit": "mg",
    "per": "1",
    "dispense_unit": "tablet",
    "atc": "M01AE01",
    "over_the_counter": True,
}
PRICES = {"IBU400": "0.50", "AMOX500": "1.20"}


async def stock_shop(services: Services) -> None:
    """Ibuprofen over the counter, prices, and counters P1 and P2 of dispensary MAIN; C1 is the cashier's."""
    await services.pharmacy.define_medicine(SYSTEM, command(), MedicineIn.model_validate(IBU))
    for code, amount in PRICES.items():
        service = {"code": code, "name": f"Medicine {code}", "kind": "medicine", "source": code}
        await services.billing.define_service(SYSTEM, command(), ServiceIn.model_validate(service))
        price = {"service": code, "valid_from": "2000-01-01", "unit_price": amount, "tax_rate": "10"}
        await services.billing.set_price(SYSTEM, command(), PriceIn.model_validate(price))
    for code in ("P1", "P2", "C1"):
        await services.billing.define_cashier(SYSTEM, command(), CashierIn(code=code, name=code))
    for code in ("P1", "P2"):
        await services.pharmacy.set_till(SYSTEM, command(), code, TillIn(store="MAIN"))


def buying(patient_id: uuid.UUID, quantity: str = "10", **said: Any) -> SaleIn:
    """Ibuprofen for cash at counter P1, unless told otherwise."""
    usual = {"counter": "P1", "items": [{"medicine": "IBU400", "quantity": quantity}]}
    wanted = {**usual, "payments": [{"means": "cash"}], "patient_id": str(patient_id), **said}
    return SaleIn.model_validate(wanted)


@dataclass
class Shop:
    """Shortcuts to what the seller does."""

    pharmacy: Pharmacy
    seller: Principal
    shift: ShiftOut

    async def sell(self, patient_id: uuid.UUID, quantity: str = "10", **said: Any) -> SaleOut:
        wanted = buying(patient_id, quantity, **said)
        return await self.pharmacy.services.pharmacy.sell(self.seller, command(), wanted)

    async def sell_dispense(
        self, dispense_id: uuid.UUID, by: Principal | None = None, **said: Any
    ) -> SaleOut:
        wanted = SellDispense.model_validate({"counter": "P1", "payments": [{"means": "card"}], **said})
        service = self.pharmacy.services.pharmacy
        return await service.sell_dispense(by or self.seller, command(), dispense_id, wanted)


async def open_shop(pharmacy: Pharmacy, seller: Principal) -> Shop:
    """The shop, with the seller's shift open at counter P1."""
    await stock_shop(pharmacy.services)
    told = ShiftIn.model_validate({"opening_cash": "50.00"})
    shift = await pharmacy.services.billing.open_cashier_shift(seller, command(), "P1", told)
    return Shop(pharmacy, seller, shift)
