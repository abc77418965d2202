"""Discounts, estimates and counts of a whole store, as rules of the machine."""

from decimal import Decimal

from hms_rt.departments.billing.schemas.discounts import DiscountIn
from hms_rt.departments.billing.schemas.estimates import EstimateIn
from hms_rt.departments.pharmacy.schemas.stocktaking import StocktakeIn
from tests.money.machine import one_of, quantities, rule
from tests.money.payer_rules import PayerCommands
from tests.money.setting_rules import Settings
from tests.money.ward_rules import WardCommands


class AllCommands(WardCommands, PayerCommands, Settings):
    """Both departments."""

    @rule(percent=one_of(None, "5", "50"), amount=one_of("0.01", "7.77"))
    async def gives_a_discount(self, percent: str | None, amount: str) -> None:
        """The clerk gives 10 per cent alone; more waits for a second person."""
        paper = self.paper("draft")
        said = {"percent": percent} if percent is not None else {"amount": amount}
        wanted = DiscountIn.model_validate({**said, "reason": "hardship"})
        told = await self.give(lambda c: self.billing.give_discount(self.clerk, c, paper, wanted))
        if told is not None:
            assert told.state == ("granted" if told.share <= told.authority else "requested")
            self.books.discounts[told.id] = (
                told.state,
                told.gross if told.state == "granted" else Decimal(0),
            )
            self.discounts.append(told.id)

    @rule(approves=one_of(True, False))
    async def decides_on_a_discount(self, approves: bool) -> None:
        asked = self.pick(self.discounts, lambda each: self.books.discounts[each][0] == "requested")
        decide = self.billing.approve_discount if approves else self.billing.decline_discount
        told = await self.give(lambda c: decide(self.admin, c, asked))
        if told is not None:
            self.books.discounts[told.id] = (told.state, told.gross if approves else Decimal(0))

    @rule(1, quantity=quantities)
    async def estimates(self, quantity: str) -> None:
        items = [{"service": "DRESS", "quantity": quantity}]
        wanted = EstimateIn.model_validate({"patient_id": self.pick(self.patients), "items": items})
        told = await self.give(lambda c: self.billing.estimate(self.clerk, c, wanted))
        if told is not None:
            self.books.estimates[told.id] = (told.total,)

    @rule(1, store=one_of("MAIN", "ICU-CUP"), quantity=quantities)
    async def counts_a_store(self, store: str, quantity: str) -> None:
        lots = list(dict.fromkeys(self.lots))[:2]
        lines = [{"lot_id": lot, "counted": quantity} for lot in lots]
        wanted = StocktakeIn.model_validate({"lines": lines, "reason": "end of the year"})
        told = await self.give(lambda c: self.pharmacy.take_stock(self.pharmacist, c, store, wanted))
        for one in told.counts if told is not None else ():
            assert one.expected == self.books.shelves[one.lot_id, store]
            self.books.counted(one.lot_id, store, one.variance)
