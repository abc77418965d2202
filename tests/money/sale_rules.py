"""The pharmacy's own sale among everything else, as rules of the machine."""

import uuid

from hms_rt.departments.billing.model.payment import Means
from hms_rt.departments.billing.schemas.accounts import CashierIn, ShiftIn
from hms_rt.departments.billing.schemas.tariffs import PriceIn, ServiceIn
from hms_rt.departments.pharmacy.model.dispense import Disposition
from hms_rt.departments.pharmacy.schemas.formulary import MedicineIn
from hms_rt.departments.pharmacy.schemas.sales import GiveBackIn, QuoteIn, SellDispense, TillIn
from hms_rt.departments.pharmacy.schemas.stock import ReturnIn
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.money.later_rules import AllCommands
from tests.money.machine import one_of, quantities, rule
from tests.money.sale_books import SaleBooks
from tests.money.stock_rules import QUARANTINE
from tests.pharmacy.shop import IBU, buying

TILL = "P1"
IBU_SERVICE = {"code": "IBU", "name": "Ibuprofen", "kind": "medicine", "source": "IBU400"}
IBU_PRICE = {"service": "IBU", "valid_from": "2000-01-01", "unit_price": "0.4545", "tax_rate": "10"}
means = one_of(Means.CASH, Means.CARD)


class SaleCommands(AllCommands):
    """A pharmacist has a shift open at a counter of the dispensary's own."""

    async def begin(self) -> None:
        self.asked_back: list[uuid.UUID] = []
        await self._shop()
        await super().begin()
        await self.receives("IBU400", "20", 10)

    async def _shop(self) -> None:
        pharmacy, billing = self.services.pharmacy, self.services.billing
        await pharmacy.define_medicine(SYSTEM, command(), MedicineIn.model_validate(IBU))
        await billing.define_service(SYSTEM, command(), ServiceIn.model_validate(IBU_SERVICE))
        await billing.set_price(SYSTEM, command(), PriceIn.model_validate(IBU_PRICE))
        await billing.define_cashier(SYSTEM, command(), CashierIn(code=TILL, name="Dispensary"))
        till = self.pharmacy.set_till
        await self.give(lambda c: till(self.admin, c, TILL, TillIn(store="MAIN")))
        told = ShiftIn.model_validate({"opening_cash": "20.00"})
        shift = await billing.open_cashier_shift(self.pharmacist, command(), TILL, told)
        self.books.shift(shift)
        self.till = SaleBooks(self.books, shift.id)
        async with self.ground.aside.connect() as connection:
            await self.books.read_definitions(connection)

    async def look(self) -> list[str]:
        """With what sellers were told."""
        async with self.ground.aside.connect() as connection:
            return await super().look() + await self.till.differences(connection)

    @rule(3, number=one_of(*range(3)), quantity=quantities)
    async def stocks_the_counter(self, number: int, quantity: str) -> None:
        await self.receives("IBU400", quantity, 10 + number)

    @rule(8, quantity=quantities, how=means)
    async def sells(self, quantity: str, how: Means) -> None:
        patient = await self.new_patient()
        wanted = buying(patient, quantity, payments=[{"means": how}])
        quoted = QuoteIn(patient_id=patient, counter=TILL, items=wanted.items)
        quote = await self.give(lambda c: self.pharmacy.quote(self.pharmacist, c, quoted))
        told = await self.give(lambda c: self.pharmacy.sell(self.pharmacist, c, wanted))
        if told is not None:
            assert quote is not None
            assert told.money.invoices[0].owed == quote.owed, "it cost something else than was said"
            self.till.sold(told)

    def _may_be_sold(self, dispense: uuid.UUID) -> bool:
        """Of the dispensary, not sold yet."""
        one = self.books.dispenses[dispense]
        sold = {sale.dispense_id for sale in self.till.sales.values()}
        return one.state in ("prepared", "handed_over") and one.store == "MAIN" and dispense not in sold

    @rule(4, how=means)
    async def sells_what_is_prescribed(self, how: Means) -> None:
        dispense = self.pick(self.dispenses, self._may_be_sold)
        wanted = SellDispense.model_validate({"counter": TILL, "payments": [{"means": how}]})
        doing = self.pharmacy.sell_dispense
        told = await self.give(lambda c: doing(self.pharmacist, c, dispense, wanted))
        if told is not None:
            self.till.sold(told)

    @rule(4, goes=one_of(*Disposition), part=one_of(None, "0.5", "3"))
    async def takes_a_sale_back(self, goes: Disposition, part: str | None) -> None:
        sale = self.pick(list(self.till.sales), lambda each: bool(self.till.sales[each].items))
        said = {"reason": "did not help", "disposition": goes}
        known = self.till.sales.get(sale)
        items = [{"item_id": one.id, "quantity": part} for one in known.items[:1]] if known else []
        why = ReturnIn.model_validate({**said, "items": items} if part and items else said)
        told = await self.give(lambda c: self.pharmacy.return_sale(self.pharmacist, c, sale, why))
        if told is not None:
            stores = {Disposition.RESTOCK: told.store, Disposition.QUARANTINE: QUARANTINE}
            self.till.brought_back(
                told, {one.item_id: one.quantity for one in why.items or ()}, stores.get(goes)
            )

    @rule(4)
    async def gives_back(self) -> None:
        sale = self.pick(list(self.till.sales), self.till.waits)
        why = GiveBackIn(counter=TILL, reason="did not help")
        told = await self.give(lambda c: self.pharmacy.give_back(self.pharmacist, c, sale, why))
        if told is not None:
            self.asked_back += self.till.given_back(told)

    @rule(3)
    async def decides_on_what_is_paid_back(self) -> None:
        refund, doing = self.pick(self.asked_back), self.billing.approve_refund
        told = await self.give(lambda c: doing(self.admin, c, refund))
        if told is not None:
            self.books.refunded(told, self.till.shift)
